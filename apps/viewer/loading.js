// A volume on its way: bytes come in the order of `middleFirst`, each slice is there as soon as its last byte is.
//
// Bytes are little-endian, as are the typed arrays of every machine that runs a browser of today.

import { middleFirst } from "./order.js";
import { lost, MISFIT, refused, tooLarge, Trouble } from "./trouble.js";

const ARRAYS = { int16: Int16Array, uint16: Uint16Array, uint8: Uint8Array };

/** A volume of which nothing has arrived yet. */
export function emptyVolume({ shape, channels = 1, type }) {
  const length = shape[0] * shape[1] * shape[2] * channels;
  const arrived = new Uint8Array(shape[0]);
  try {
    return { shape, channels, type, data: new ARRAYS[type](length), arrived, count: 0, complete: false };
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(length * ARRAYS[type].BYTES_PER_ELEMENT);
    throw error;
  }
}

/** The voxels of one slice, without copying them. */
export function sliceOf({ data, shape, channels }, slice) {
  const size = shape[1] * shape[2] * channels;
  return data.subarray(slice * size, (slice + 1) * size);
}

/**
 * Fill a volume from the server; `onSlice(slice)` is called for each one that is whole, and `breath` is waited for after
 * the first: without it the picture would stand behind all the bytes that follow.
 *
 * Ends quietly when aborted; everything else that goes wrong is a `Trouble`.
 */
export async function fill(volume, { url, token }, { signal, onSlice, breath, get = globalThis.fetch }) {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await get(url, { headers, signal, cache: "no-store", credentials: "same-origin" });
    if (!answer.ok) throw refused(answer.status);
    await receive(volume, answer.body.getReader(), { onSlice, breath, signal });
  } catch (error) {
    if (signal?.aborted) return;
    throw error instanceof Trouble ? error : lost(volume.count, volume.shape[0]);
  }
}

async function receive(volume, reader, { onSlice, breath, signal }) {
  const bytes = new Uint8Array(volume.data.buffer);
  const order = middleFirst(volume.shape[0]);
  const size = bytes.length / order.length;
  let received = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (signal?.aborted) return;
    if (done) break;
    if (received + value.length > bytes.length) throw new Trouble(MISFIT, { retry: false });
    let from = 0;
    while (from < value.length) {
      const number = Math.floor(received / size);
      const offset = received - number * size;
      const part = value.subarray(from, from + Math.min(size - offset, value.length - from));
      bytes.set(part, order[number] * size + offset);
      from += part.length;
      received += part.length;
      if (offset + part.length === size) {
        volume.arrived[order[number]] = 1;
        volume.count += 1;
        volume.complete = volume.count === order.length;
        onSlice?.(order[number]);
        if (volume.count === 1) await breath?.();
      }
    }
  }
  if (received < bytes.length) throw lost(volume.count, order.length);
}
