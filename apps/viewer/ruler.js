// Distances on a plane, in millimetres, and only where millimetres are known.

const WHERE = { detector: " at the detector", calibrated: " (calibrated)" };

export const UNKNOWN = "No ruler: this image does not say how large its pixels are.";

/** Millimetres between two points {down, right} of a plane; null where the spacing is not known. */
export function distance(plane, one, other) {
  if (!plane.known) return null;
  return Math.hypot((other.down - one.down) * plane.stepDown, (other.right - one.right) * plane.stepRight);
}

/** "12.3 mm", "12.3 mm at the detector" for projections, whose objects are smaller than their shadows. */
export function measured(plane, ruler, at) {
  const millimetres = distance(plane, ruler.from, ruler.to);
  if (millimetres === null) return "";
  const text = millimetres < 100 ? millimetres.toFixed(1) : String(Math.round(millimetres));
  return `${text} mm${WHERE[at] ?? ""}`;
}

/** A round length for a bar of about this many millimetres: 1, 2 or 5 times a power of ten. */
export function roundLength(millimetres) {
  if (!(millimetres > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(millimetres));
  return [5, 2, 1].map((times) => times * power).find((length) => length <= millimetres * (1 + 1e-9)) ?? power;
}

export function lengthText(millimetres) {
  return millimetres >= 10 ? `${millimetres / 10} cm` : `${millimetres} mm`;
}
