// 4×4 matrices as rows: (slice, row, column, 1) to RAS+ millimetres.

export function apply(matrix, [a, b, c]) {
  return matrix.slice(0, 3).map((row) => row[0] * a + row[1] * b + row[2] * c + row[3]);
}

export function multiply(left, right) {
  return left.map((row) => [0, 1, 2, 3].map((j) => row.reduce((sum, value, k) => sum + value * right[k][j], 0)));
}

/** Inverse of a matrix whose last row is 0 0 0 1; null where it is singular. */
export function inverse(m) {
  const [[a, b, c], [d, e, f], [g, h, i]] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!Number.isFinite(det) || Math.abs(det) < 1e-12) return null;
  const rows = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / det));
  const shift = [m[0][3], m[1][3], m[2][3]];
  const back = rows.map((row) => [...row, -(row[0] * shift[0] + row[1] * shift[1] + row[2] * shift[2])]);
  return [...back, [0, 0, 0, 1]];
}

/**
 * Which direction of the patient each voxel axis runs along, nearest first: [{world: 0|1|2, sign: ±1} × 3].
 *
 * Each direction is used once, so that an oblique volume has three different ones, too.
 */
export function nearestAxes(affine) {
  const columns = [0, 1, 2].map((j) => [0, 1, 2].map((k) => affine[k][j]));
  const cosines = columns.map((column) => column.map((value) => value / (Math.hypot(...column) || 1)));
  const pairs = cosines.flatMap((column, axis) => column.map((cosine, world) => ({ axis, world, cosine })));
  pairs.sort((one, other) => Math.abs(other.cosine) - Math.abs(one.cosine));
  const found = [null, null, null];
  for (const { axis, world, cosine } of pairs) {
    if (found[axis] || found.some((direction) => direction?.world === world)) continue;
    found[axis] = { world, sign: cosine > 0 ? 1 : -1 };
  }
  return found;
}
