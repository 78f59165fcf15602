import assert from "node:assert/strict";
import test from "node:test";
import { fixtures, viewer, whole } from "./load.mjs";

const { planesOf, toPlane, toVoxel, walk } = await viewer("planes.js");
const { between, heatTable, lay, overlayAt } = await viewer("overlay.js");
const { draw, gather } = await viewer("slices.js");
const show = (volume, plane, slice, table, pixels) =>
  draw(volume, plane, slice, { values: gather(volume, plane, slice), table }, pixels);
const { apply, inverse, multiply } = await viewer("affine.js");
const { inWords } = await viewer("letters.js");

const TOWARDS = { R: [0, 1], L: [0, -1], A: [1, 1], P: [1, -1], H: [2, 1], F: [2, -1] };
const TABLE = Uint32Array.from({ length: 256 }, (_, i) => i);

const geometryOf = (one) => ({ ...one, mpr: true, channels: 1, type: "uint8" });
const dot = (one, other) => one.reduce((sum, value, i) => sum + value * other[i], 0);

/** Where a plane is lit, on average. */
function middle(pixels, plane) {
  let [down, right, n] = [0, 0, 0];
  pixels.forEach((pixel, i) => {
    if (!pixel) return;
    down += Math.floor(i / plane.columns);
    right += i % plane.columns;
    n += 1;
  });
  return n ? { down: down / n, right: right / n, n } : null;
}

for (const one of fixtures().orientations) {
  const geometry = geometryOf(one);
  const planes = planesOf(geometry);
  const volume = whole(Uint8Array.from(one.voxels), one.shape);
  const over = whole(Uint8Array.from(one.overlay.voxels), one.overlay.shape);
  const overlay = { ...one.overlay, type: "uint8", slope: 0.5, intercept: 0 };
  const matrix = between(geometry, overlay);

  test(`${one.name}: the patient's left is on the right, the head above`, () => {
    assert.equal(planes.length, 3);
    assert.deepEqual(planes.map(({ name }) => name.split(" ")[0]).sort(), ["Axial", "Coronal", "Sagittal"]);
    for (const { name, letters } of planes) {
      const [kind] = name.split(" ");
      assert.equal(letters.right[0], kind === "Sagittal" ? "P" : "L", name);
      assert.equal(letters.left[0], kind === "Sagittal" ? "A" : "R", name);
      assert.equal(letters.top[0], kind === "Axial" ? "A" : "H", name);
      assert.equal(letters.bottom[0], kind === "Axial" ? "P" : "F", name);
    }
  });

  test(`${one.name}: letters at the edges say where the ball is`, () => {
    for (const plane of planes) {
      const pixels = new Uint32Array(plane.rows * plane.columns);
      show(volume, plane, Math.round(one.at[plane.axis]), TABLE, pixels);
      const seen = middle(pixels, plane);
      for (const [edge, pixel, size, step] of [
        ["right", seen.right, plane.columns, plane.stepRight],
        ["bottom", seen.down, plane.rows, plane.stepDown],
      ]) {
        const [world, sign] = TOWARDS[plane.letters[edge][0]];
        const axis = edge === "right" ? plane.right : plane.down;
        const along = one.directions[axis].map((value) => value * Math.sign(one.directions[axis][world]) * sign);
        const millimetres = (pixel - (size - 1) / 2) * step;
        assert.ok(Math.abs(millimetres - dot(along, one.ball)) <= step, `${plane.name} ${edge}`);
        for (const letter of plane.letters[edge]) {
          const [way, which] = TOWARDS[letter];
          assert.ok(along[way] * which > 0, `${plane.name} ${edge} ${letter}`);
        }
      }
    }
  });

  test(`${one.name}: an overlay of another grid stays on its voxel through every plane and slice`, () => {
    const colours = heatTable(overlay, [0, 100], 1);
    for (const plane of planes) {
      const pixels = new Uint32Array(plane.rows * plane.columns);
      const laid = new Uint32Array(plane.rows * plane.columns);
      let both = 0;
      for (let slice = 0; slice < plane.slices; slice += 1) {
        show(volume, plane, slice, TABLE, pixels);
        lay(over, matrix, plane, slice, colours, laid);
        const [image, heat] = [middle(pixels, plane), middle(laid, plane)];
        if (!image || !heat || image.n < 6 || heat.n < 6) continue;
        both += 1;
        assert.ok(Math.abs(image.down - heat.down) <= 1, `${plane.name} ${slice}: ${image.down} and ${heat.down}`);
        assert.ok(Math.abs(image.right - heat.right) <= 1, `${plane.name} ${slice}: ${image.right} and ${heat.right}`);
      }
      assert.ok(both >= 2, plane.name);
    }
    assert.equal(overlayAt(over, matrix, overlay, one.at.map(Math.round)), 100);
    assert.equal(overlayAt(over, matrix, overlay, [0, 0, 0]) ?? 0, 0);
  });

  test(`${one.name}: voxels go to planes and back, and memory is walked accordingly`, () => {
    for (const plane of planes) {
      for (const voxel of [[0, 0, 0], [3, 7, 11], one.shape.map((n) => n - 1)]) {
        const at = toPlane(plane, voxel);
        assert.deepEqual(toVoxel(plane, at), voxel);
        const { start, down, right } = walk(plane, one.shape, at.slice);
        const index = (voxel[0] * one.shape[1] + voxel[1]) * one.shape[2] + voxel[2];
        assert.equal(start + at.down * down + at.right * right, index);
      }
    }
  });
}

test("a volume turned by the server is shown as it came", () => {
  for (const one of fixtures().orientations.slice(0, 3)) {
    const [acquired] = planesOf(geometryOf(one));
    assert.deepEqual([acquired.axis, acquired.down, acquired.right], [0, 1, 2]);
    assert.deepEqual([acquired.flipDown, acquired.flipRight], [false, false]);
  }
});

test("without a grid there is the acquired plane alone, with the server's letters", () => {
  const [one] = fixtures().orientations;
  const planes = planesOf({ ...one, mpr: false, letters: [["", ""], ["H", "F"], ["R", "L"]] });
  assert.equal(planes.length, 1);
  assert.deepEqual(planes[0].letters, { top: "H", right: "L", bottom: "F", left: "R" });
  assert.equal(planes[0].name, "");
  assert.deepEqual(planesOf({ ...one, mpr: false, letters: null })[0].letters.top, "");
});

test("an oblique plane says so, in letters and in words", () => {
  const oblique = fixtures().orientations.find(({ name }) => name === "axial, doubly oblique");
  const planes = planesOf(geometryOf(oblique));
  assert.ok(planes.every(({ name }) => name.endsWith("oblique")));
  assert.ok(planes.every(({ letters }) => letters.right.length > 1));
  assert.equal(inWords("LA"), "left, anterior");
  const hair = fixtures().orientations.find(({ name }) => name === "axial, by a hair off");
  assert.deepEqual(planesOf(geometryOf(hair)).map(({ name }) => name), ["Axial", "Coronal", "Sagittal"]);
});

test("pictures without a place share their field with an overlay of another size", () => {
  const matrix = between({ affine: null, shape: [1, 200, 100] }, { affine: null, shape: [1, 20, 20] });
  assert.deepEqual(apply(matrix, [0, 199, 99]).map(Math.round), [0, 19, 19]);
  assert.deepEqual(apply(matrix, [0, 10, 5]).map(Math.round), [0, 1, 1]);
  assert.equal(between({ affine: null, shape: [1, 2, 2] }, { affine: [[1]], shape: [1, 2, 2] }), null);
});

test("an inverse undoes its matrix, and there is none of a flat one", () => {
  for (const { affine } of fixtures().orientations) {
    multiply(affine, inverse(affine)).forEach((row, i) =>
      row.forEach((value, j) => assert.ok(Math.abs(value - (i === j ? 1 : 0)) < 1e-9)),
    );
  }
  assert.equal(inverse([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), null);
});
