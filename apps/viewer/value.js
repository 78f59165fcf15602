// The value under the cursor, and numbers as they are written.

const MINUS = "\u2212";
const NARROW = "\u202f"; // a space at which no line breaks

/** Three digits that matter, whole numbers where the steps of the image are whole; a true minus sign; "30 000". */
export function written(value, whole) {
  if (!Number.isFinite(value)) return "–";
  const text = whole || Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
  const grouped = Math.abs(value) >= 10_000 ? text.replace(/\B(?=(\d{3})+$)/g, NARROW) : text;
  return grouped.replace("-", MINUS);
}

export function isWhole({ slope = 1, intercept = 0 }) {
  return Number.isInteger(slope) && Number.isInteger(intercept);
}

/** What stands under a voxel: "−43 HU", "R 12 · G 40 · B 200", "padding", "" outside or before it has arrived. */
export function valueAt(volume, geometry, voxel) {
  const [slice, row, column] = voxel.map(Math.round);
  const { shape, data, channels, arrived } = volume;
  const inside = [slice, row, column].every((index, axis) => index >= 0 && index < shape[axis]);
  if (!inside || !arrived[slice]) return "";
  const at = (slice * shape[1] + row) * shape[2] + column;
  if (channels === 3) return `R ${data[3 * at]} · G ${data[3 * at + 1]} · B ${data[3 * at + 2]}`;
  const stored = data[at];
  const { slope = 1, intercept = 0, padding, units } = geometry;
  if (padding && stored >= padding[0] && stored <= padding[1]) return "padding";
  return `${written(slope * stored + intercept, isWhole(geometry))} ${units ?? ""}`.trim();
}

/** "W 400 L 40". */
export function windowText({ centre, width }, geometry) {
  const whole = isWhole(geometry);
  return `W ${written(width, whole && width >= 10)} · L ${written(centre, whole && Number.isInteger(centre))}`;
}
