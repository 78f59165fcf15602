// How three planes share the window: the acquired one is large, the other two stand beside or below it.
//
// Of all ways the one is taken that draws the planes largest, the acquired one counting twice:
//
//     maximise  A₀² · (A₁ + A₂),   A the screen area that a fitted plane covers
//
// A wide window so gets its small planes in a column, a tall one in a row, and little of either stays black.

import { fitScale } from "./camera.js";

export const GAP = 6; // CSS pixels between viewports
const UNDER = 20; // CSS pixels of the slider under a picture
const OVER = 22; // CSS pixels of the patient's line over a small one
const LEAST = 0.4; // share of the large plane, of the width or the height
const MOST = 0.75;
const STEPS = 14;
const LOWEST = 130; // CSS pixels: letters and words in a lower picture would stand on each other

/** {way: "beside" | "below", share} for planes in an area of so many CSS pixels; the first plane is the large one. */
export function sharing(planes, { width, height }) {
  let best = { way: "beside", share: 0.64, worth: -1 };
  for (const way of ["beside", "below"]) {
    for (let step = 0; step <= STEPS; step += 1) {
      const share = LEAST + ((MOST - LEAST) * step) / STEPS;
      const [large, small] = sizes(way, share, { width, height });
      if (small.height < LOWEST) continue;
      const [first, ...others] = planes.map((plane, i) => covered(plane, i === 0 ? large : small));
      const worth = first ** 2 * others.reduce((sum, area) => sum + area, 0);
      if (worth > best.worth) best = { way, share: Math.round(share * 1000) / 1000, worth };
    }
  }
  return { way: best.way, share: best.share };
}

/** Rows and columns of the grid, as CSS writes them. */
export function grid({ way, share }) {
  const [large, small] = [share, 1 - share].map((part) => `minmax(0, ${Math.round(part * 1000)}fr)`);
  const half = "minmax(0, 1fr)";
  return way === "beside" ? `${half} ${half} / ${large} ${small}` : `${large} ${small} / ${half} ${half}`;
}

function sizes(way, share, { width, height }) {
  const beside = way === "beside";
  const [wide, high] = [width - GAP, height - GAP];
  const large = beside ? { width: wide * share, height } : { width, height: high * share };
  const small = beside
    ? { width: wide * (1 - share), height: high / 2 }
    : { width: wide / 2, height: high * (1 - share) };
  return [less(large, UNDER), less(small, UNDER + OVER)];
}

function less({ width, height }, taken) {
  return { width: Math.max(width, 1), height: Math.max(height - taken, 1) };
}

function covered(plane, size) {
  return fitScale(plane, size) ** 2 * plane.columns * plane.stepRight * plane.rows * plane.stepDown;
}
