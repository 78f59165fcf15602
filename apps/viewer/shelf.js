// Volumes that this page holds: loaded once each, the ones on their way given up when a reader turns to something else.

import { count, emptyHistogram } from "./histogram.js";
import { emptyVolume, fill, sliceOf } from "./loading.js";

export const MOST_BYTES = 768 * 2 ** 20;

let numbers = 0;

/** Until a frame has been drawn; a page in the background draws none. */
function breath() {
  const drawn = new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return Promise.race([drawn, new Promise((done) => setTimeout(done, 200))]);
}

export class Shelf {
  constructor(base) {
    this.base = base;
    this.held = new Map();
  }

  /** The volume of this source, whole or on its way. `changed(slice, trouble)` is called as it comes. */
  take(name, source, changed) {
    const there = this.held.get(name);
    if (there) {
      there.changed = changed;
      return there.volume;
    }
    const volume = emptyVolume(source);
    numbers += 1;
    volume.number = numbers;
    volume.histogram = emptyHistogram(source.type);
    const entry = { volume, changed, stop: new AbortController() };
    this.held.set(name, entry);
    const onSlice = (slice) => {
      count(volume.histogram, sliceOf(volume, slice), source.padding);
      entry.changed(slice, null);
    };
    const from = { url: new URL(source.url, this.base), token: source.token };
    fill(volume, from, { signal: entry.stop.signal, onSlice, breath }).catch((trouble) => entry.changed(-1, trouble));
    return volume;
  }

  drop(name) {
    this.held.get(name)?.stop.abort();
    this.held.delete(name);
  }

  /** Give up everything but these names that is not whole, and the oldest beyond what memory allows. */
  keep(names) {
    for (const [name, { volume }] of this.held) {
      const bytes = [...this.held.values()].reduce((sum, entry) => sum + entry.volume.data.byteLength, 0);
      if (!names.includes(name) && (!volume.complete || bytes > MOST_BYTES)) this.drop(name);
    }
  }

  clear() {
    for (const name of [...this.held.keys()]) this.drop(name);
  }
}
