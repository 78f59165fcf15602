// Window and level: from stored values to the 256 greys of a screen.
//
//     LINEAR        x ≤ c − ½ − (w−1)/2 → 0;  x > c − ½ + (w−1)/2 → 255;  else ((x − (c − ½))/(w−1) + ½) · 255
//     LINEAR_EXACT  x ≤ c − w/2 → 0;          x > c + w/2 → 255;          else ((x − c)/w + ½) · 255
//     SIGMOID       255 / (1 + exp(−4·(x − c)/w))
//
// with x = slope · stored + intercept. Reference: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.

export const FUNCTIONS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"];

export const BLACK = 0xff000000;

const LITTLE = 1e-9;

/** One value through the window, in [0, 255], not rounded. */
export function windowed(x, { centre, width, function: name }) {
  if (name === "SIGMOID") return 255 / (1 + Math.exp((-4 * (x - centre)) / Math.max(width, LITTLE)));
  const exact = name === "LINEAR_EXACT";
  const middle = exact ? centre : centre - 0.5;
  const range = exact ? Math.max(width, LITTLE) : Math.max(width, 1) - 1;
  if (x <= middle - range / 2) return 0;
  if (x > middle + range / 2) return 255;
  return ((x - middle) / range + 0.5) * 255;
}

/** How narrow a window may become: LINEAR is not defined below 1, and one step of the voxels is the least there is. */
export function narrowest(name, slope = 1) {
  return name === "LINEAR" ? 1 : Math.max(Math.abs(slope), LITTLE);
}

/** Entries of a table over all values that a type can store. */
export function entries(type) {
  return type === "uint8" ? 256 : 65536;
}

/** The number that an entry of the table stands for: tables are indexed by the bits, `value & 0xffff`. */
export function storedAt(entry, type) {
  return type === "int16" && entry > 32767 ? entry - 65536 : entry;
}

/**
 * Pixels (opaque ABGR, as a little-endian canvas holds them) for every value that can be stored.
 *
 * One lookup a voxel instead of a formula: the table costs as much as a quarter of a 512² picture, once a window.
 * Padding is black whichever way the greys run, since it is no part of the patient.
 */
export function tableOf({ type, slope = 1, intercept = 0, padding = null }, window, inverted, out = null) {
  const size = entries(type);
  const table = out?.length === size ? out : new Uint32Array(size);
  for (let entry = 0; entry < size; entry += 1) {
    const stored = storedAt(entry, type);
    if (padding && stored >= padding[0] && stored <= padding[1]) {
      table[entry] = BLACK;
      continue;
    }
    const light = Math.round(windowed(slope * stored + intercept, window));
    const grey = inverted ? 255 - light : light;
    table[entry] = (BLACK | (grey << 16) | (grey << 8) | grey) >>> 0;
  }
  return table;
}
