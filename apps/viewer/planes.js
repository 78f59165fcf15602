// Planes through a volume, and where a voxel lies on them.
//
// A voxel is [slice, row, column]; on a plane it is {slice, down, right}. Planes run along voxel axes: nothing is
// resampled, so that what is shown is what was stored, and oblique volumes say so by their letters.
//
// | plane | downwards | to the right |
// |---|---|---|
// | axial | P | L |
// | coronal | F | L |
// | sagittal | F | P |
//
// All of these are directions in which RAS+ coordinates fall; so an axis is turned over where its coordinate grows.

import { nearestAxes } from "./affine.js";
import { edges, planeName } from "./letters.js";

/** All planes that can be shown, the acquired one first. */
export function planesOf(geometry) {
  if (!geometry.mpr || !geometry.affine) {
    return [plane(geometry, { axis: 0, down: 1, right: 2, flipDown: false, flipRight: false })];
  }
  const axes = nearestAxes(geometry.affine);
  const along = (world) => axes.findIndex((direction) => direction.world === world);
  return axes.map(({ world }, axis) => {
    const down = along(world === 2 ? 1 : 2);
    const right = along(world === 0 ? 1 : 0);
    return plane(geometry, { axis, down, right, flipDown: axes[down].sign > 0, flipRight: axes[right].sign > 0 });
  });
}

function plane(geometry, layout) {
  const { shape, spacing, letters } = geometry;
  const { axis, down, right } = layout;
  const known = Boolean(spacing?.[down] > 0 && spacing?.[right] > 0);
  return {
    ...layout,
    name: planeName(letters?.[axis]),
    letters: edges(letters, layout),
    slices: shape[axis],
    rows: shape[down],
    columns: shape[right],
    known,
    stepDown: known ? spacing[down] : 1,
    stepRight: known ? spacing[right] : 1,
  };
}

export function toVoxel(plane, { slice, down, right }) {
  const voxel = [0, 0, 0];
  voxel[plane.axis] = slice;
  voxel[plane.down] = plane.flipDown ? plane.rows - 1 - down : down;
  voxel[plane.right] = plane.flipRight ? plane.columns - 1 - right : right;
  return voxel;
}

export function toPlane(plane, voxel) {
  const down = voxel[plane.down];
  const right = voxel[plane.right];
  return {
    slice: voxel[plane.axis],
    down: plane.flipDown ? plane.rows - 1 - down : down,
    right: plane.flipRight ? plane.columns - 1 - right : right,
  };
}

/** Where the voxels of a plane stand in memory: the first, and the steps downwards and to the right. */
export function walk(plane, shape, slice) {
  const strides = [shape[1] * shape[2], shape[2], 1];
  const down = strides[plane.down];
  const right = strides[plane.right];
  const start =
    slice * strides[plane.axis] +
    (plane.flipDown ? (plane.rows - 1) * down : 0) +
    (plane.flipRight ? (plane.columns - 1) * right : 0);
  return { start, down: plane.flipDown ? -down : down, right: plane.flipRight ? -right : right };
}
