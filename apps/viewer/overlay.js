// A second volume laid over the first: each pixel shows the nearest voxel of the overlay at its place in the patient.
//
//     overlay voxel = round( A_overlay⁻¹ · A_image · image voxel )
//
// Where neither has a place in the patient (a radiograph and its heat map), both cover the same field:
// overlay index = round( (i + ½) · n_overlay / n_image − ½ ). Never interpolated: a smooth edge would claim more
// than the overlay knows.

import { inverse, multiply } from "./affine.js";
import { toVoxel } from "./planes.js";
import { entries, storedAt } from "./window.js";

/** From voxels of the image to voxels of the overlay, as a 4×4 matrix; null where they cannot be brought together. */
export function between(geometry, overlay) {
  if (geometry.affine && overlay.affine) {
    const back = inverse(overlay.affine);
    return back && multiply(back, geometry.affine);
  }
  if (geometry.affine || overlay.affine) return null;
  return [0, 1, 2, 3].map((i) => {
    const row = [0, 0, 0, 0];
    const share = i < 3 ? overlay.shape[i] / geometry.shape[i] : 1;
    row[i] = share;
    if (i < 3) row[3] = share / 2 - 0.5;
    return row;
  });
}

const RAMP = [[0, [68, 22, 110]], [0.35, [187, 55, 84]], [0.7, [249, 142, 9]], [1, [252, 240, 120]]];

/** Colour of a share in [0, 1]: dark violet over red and orange to pale yellow, growing lighter all the way. */
export function heat(share) {
  const t = Math.min(Math.max(share, 0), 1);
  const above = Math.max(RAMP.findIndex(([stop]) => stop >= t), 1);
  const [[low, from], [high, to]] = [RAMP[above - 1], RAMP[above]];
  return from.map((value, i) => Math.round(value + ((to[i] - value) * (t - low)) / (high - low)));
}

/** Pixels for every value that can be stored: nothing at `low` and below, the full opacity at `high` and above. */
export function heatTable({ type, slope = 1, intercept = 0, padding = null }, [low, high], opacity) {
  const table = new Uint32Array(entries(type));
  if (!(high > low)) return table;
  for (let entry = 0; entry < table.length; entry += 1) {
    const stored = storedAt(entry, type);
    const share = (slope * stored + intercept - low) / (high - low);
    if (share <= 0 || (padding && stored >= padding[0] && stored <= padding[1])) continue;
    const [red, green, blue] = heat(share);
    const alpha = Math.round(255 * opacity * Math.min(share, 1));
    table[entry] = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return table;
}

/** Fill `pixels` with the overlay on a slice of a plane of the image. `matrix` is of `between`. */
export function lay(volume, matrix, plane, slice, table, pixels) {
  const { data, shape, arrived } = volume;
  const [depth, height, width] = shape;
  const mask = table.length - 1;
  const at = (down, right) => place(matrix, toVoxel(plane, { slice, down, right }));
  const first = at(0, 0);
  const stepDown = at(1, 0).map((value, i) => value - first[i]);
  const stepRight = at(0, 1).map((value, i) => value - first[i]);
  pixels.fill(0);
  let to = 0;
  for (let row = 0; row < plane.rows; row += 1) {
    let z = first[0] + row * stepDown[0] + 0.5;
    let y = first[1] + row * stepDown[1] + 0.5;
    let x = first[2] + row * stepDown[2] + 0.5;
    for (let column = 0; column < plane.columns; column += 1) {
      const k = Math.floor(z);
      const j = Math.floor(y);
      const i = Math.floor(x);
      if (k >= 0 && k < depth && j >= 0 && j < height && i >= 0 && i < width && arrived[k]) {
        pixels[to] = table[data[(k * height + j) * width + i] & mask];
      }
      to += 1;
      z += stepRight[0];
      y += stepRight[1];
      x += stepRight[2];
    }
  }
}

function place(matrix, [a, b, c]) {
  return [0, 1, 2].map((i) => matrix[i][0] * a + matrix[i][1] * b + matrix[i][2] * c + matrix[i][3]);
}

/** The overlay's value at a voxel of the image; null outside and before it has arrived. */
export function overlayAt(volume, matrix, overlay, voxel) {
  const [k, j, i] = place(matrix, voxel).map((value) => Math.floor(value + 0.5));
  const [depth, height, width] = volume.shape;
  if (!(k >= 0 && k < depth && j >= 0 && j < height && i >= 0 && i < width && volume.arrived[k])) return null;
  return (overlay.slope ?? 1) * volume.data[(k * height + j) * width + i] + (overlay.intercept ?? 0);
}
