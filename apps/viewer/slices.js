// One slice of a volume as pixels.
//
// Values are gathered once for a slice and coloured once for a window: across slices each value lies far from the next
// in memory, and fetching it takes several times as long as colouring it.

import { walk } from "./planes.js";
import { BLACK } from "./window.js";

/** The stored values of a slice of a grey volume, row by row; into `values` where it has the size. */
export function gather({ data, shape }, plane, slice, values = null) {
  const { rows, columns } = plane;
  const found = values?.length === rows * columns ? values : new data.constructor(rows * columns);
  const { start, down, right } = walk(plane, shape, slice);
  let at = 0;
  for (let row = 0; row < rows; row += 1) {
    let from = start + row * down;
    for (let column = 0; column < columns; column += 1) {
      found[at] = data[from];
      at += 1;
      from += right;
    }
  }
  return found;
}

/**
 * Fill `pixels` (rows × columns, ABGR) with a slice of a plane; what has not arrived is black.
 *
 * Grey values are those of `gather`, and `table` says how each is shown; colour comes through as it is.
 */
export function draw(volume, plane, slice, { values = null, table = null }, pixels) {
  const { data, shape, channels, arrived, complete } = volume;
  if (plane.axis === 0 && !arrived[slice]) {
    pixels.fill(BLACK);
    return;
  }
  if (channels === 3) colour(data, plane, walk(plane, shape, slice), pixels);
  else tint(values, table, pixels);
  if (!complete && plane.axis !== 0) blacken(plane, arrived, pixels);
}

function tint(values, table, pixels) {
  const mask = table.length - 1;
  for (let i = 0; i < values.length; i += 1) pixels[i] = table[values[i] & mask];
}

function colour(data, { rows, columns }, { start, down, right }, pixels) {
  const shift = data.BYTES_PER_ELEMENT === 1 ? 0 : 8;
  let at = 0;
  for (let row = 0; row < rows; row += 1) {
    let from = 3 * (start + row * down);
    for (let column = 0; column < columns; column += 1) {
      const red = data[from] >> shift;
      const green = data[from + 1] >> shift;
      const blue = data[from + 2] >> shift;
      pixels[at] = (BLACK | (blue << 16) | (green << 8) | red) >>> 0;
      at += 1;
      from += 3 * right;
    }
  }
}

/** Lines across slices that are still on their way: what memory holds there is zero, which is no value of the image. */
function blacken({ down, right, flipDown, flipRight, rows, columns }, arrived, pixels) {
  for (let slice = 0; slice < arrived.length; slice += 1) {
    if (arrived[slice]) continue;
    if (down === 0) {
      const row = flipDown ? rows - 1 - slice : slice;
      pixels.fill(BLACK, row * columns, (row + 1) * columns);
    } else if (right === 0) {
      const column = flipRight ? columns - 1 - slice : slice;
      for (let row = 0; row < rows; row += 1) pixels[row * columns + column] = BLACK;
    }
  }
}
