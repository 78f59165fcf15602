// Windows on the keys 1 to 9.
//
// For CT in Hounsfield units they are the ones of the field; key 9 is the file's own everywhere. Elsewhere grey values
// have no unit, so that windows can only come from the values themselves.

import { quantile } from "./histogram.js";

const hounsfield = (key, name, centre, width) => ({ key, name, window: { centre, width, function: "LINEAR" } });

export const CT = [
  hounsfield("1", "Brain", 40, 80),
  hounsfield("2", "Subdural", 75, 200),
  hounsfield("3", "Stroke", 40, 40),
  hounsfield("4", "Bone", 400, 1800),
  hounsfield("5", "Lung", -600, 1500),
  hounsfield("6", "Mediastinum", 50, 350),
  hounsfield("7", "Abdomen", 50, 400),
  hounsfield("8", "Liver", 30, 150),
];

const SHARES = [
  ["1", "Full range", 0, 1],
  ["2", "1 to 99 %", 0.01, 0.99],
  ["3", "5 to 95 %", 0.05, 0.95],
];

/** Presets that this image has, in the order of their keys; a colour image has none. */
export function presetsOf(geometry, histogram) {
  if (geometry.channels === 3) return [];
  const own = geometry.window ? [{ key: "9", name: "As in the file", window: geometry.window }] : [];
  if (geometry.modality === "CT" && geometry.units === "HU") return [...CT, ...own];
  const found = SHARES.map(([key, name, low, high]) => ({ key, name, window: between(geometry, histogram, low, high) }));
  return [...found.filter((preset) => preset.window), ...own];
}

/** The window from one quantile to another, in the image's units; null as long as no voxel is there. */
export function between({ slope = 1, intercept = 0 }, histogram, low, high) {
  const ends = [quantile(histogram, low), quantile(histogram, high)];
  if (ends.includes(null)) return null;
  const [one, other] = ends.map((stored) => slope * stored + intercept);
  const width = Math.max(Math.abs(other - one), Math.abs(slope));
  return { centre: (one + other) / 2, width, function: "LINEAR_EXACT" };
}

/** What an image is first shown with: as its file says, else what leaves out the outermost values. */
export function firstWindow(geometry, histogram) {
  return geometry.window ?? between(geometry, histogram, 0.01, 0.99);
}
