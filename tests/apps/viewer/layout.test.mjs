// Three planes in a window: what is drawn is as large as it can be, whatever the window's shape.

import assert from "node:assert/strict";
import test from "node:test";
import { viewer } from "./load.mjs";

const { fitScale } = await viewer("camera.js");
const { grid, sharing } = await viewer("layout.js");

const plane = (columns, rows) => ({ columns, rows, stepRight: 1, stepDown: 1 });
const HEAD = [plane(240, 240), plane(240, 180), plane(240, 180)];

test("a tall area has its small planes in a row below, a wide one in a column beside", () => {
  assert.equal(sharing(HEAD, { width: 645, height: 720 }).way, "below");
  assert.equal(sharing(HEAD, { width: 1300, height: 720 }).way, "beside");
  assert.equal(sharing([plane(512, 512), plane(512, 150), plane(512, 150)], { width: 560, height: 700 }).way, "below");
});

test("no plane is lost, and the acquired one has its part", () => {
  for (const width of [520, 645, 940, 1400]) {
    for (const height of [420, 540, 720, 900]) {
      const { share } = sharing(HEAD, { width, height });
      assert.ok(share >= 0.4 && share <= 0.75, `${width} × ${height}: ${share}`);
    }
  }
});

test("in a window of the usual size far more is drawn than with fixed shares of the width", () => {
  const [width, height] = [645, 720];
  const area = (large, small) =>
    HEAD.reduce((sum, one, i) => sum + fitScale(one, i === 0 ? large : small) ** 2 * one.rows * one.columns, 0);
  const { share } = sharing(HEAD, { width, height });
  const fixed = area({ width: 406, height: 700 }, { width: 233, height: 317 });
  const high = height - 6;
  const now = area({ width, height: high * share - 20 }, { width: (width - 6) / 2, height: high * (1 - share) - 42 });
  assert.ok(now > 1.25 * fixed, `${now} ${fixed}`);
});

test("the grid has two rows and two columns", () => {
  assert.equal(
    grid({ way: "below", share: 0.65 }),
    "minmax(0, 650fr) minmax(0, 350fr) / minmax(0, 1fr) minmax(0, 1fr)",
  );
  assert.equal(
    grid({ way: "beside", share: 0.65 }),
    "minmax(0, 1fr) minmax(0, 1fr) / minmax(0, 650fr) minmax(0, 350fr)",
  );
});

test("an area of no size asks for nothing that cannot be drawn", () => {
  const { way, share } = sharing(HEAD, { width: 0, height: 0 });
  assert.ok(["beside", "below"].includes(way) && share > 0 && share < 1);
});
