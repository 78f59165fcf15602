import assert from "node:assert/strict";
import test from "node:test";
import { close, fixtures, viewer } from "./load.mjs";

const { BLACK, FUNCTIONS, storedAt, tableOf, windowed } = await viewer("window.js");
const grey = (pixel) => pixel & 0xff;

test("windows are DICOM's, as pydicom applies them", () => {
  const { windows } = fixtures();
  assert.equal(windows.length, 24);
  for (const { x, y, ...window } of windows) {
    x.forEach((value, i) => {
      assert.ok(close(windowed(value, window), y[i], 1e-9), `${JSON.stringify(window)} at ${value}: ${y[i]}`);
    });
  }
});

test("the half and the one of LINEAR: width 400 at 40 is white at 239, LINEAR_EXACT at 240", () => {
  assert.equal(windowed(-160, { centre: 40, width: 400, function: "LINEAR" }), 0);
  assert.ok(windowed(239, { centre: 40, width: 400, function: "LINEAR" }) === 255);
  assert.ok(windowed(239, { centre: 40, width: 400, function: "LINEAR_EXACT" }) < 255);
});

test("every function grows with the value and stays within a screen's greys", () => {
  for (const name of FUNCTIONS) {
    const greys = Array.from({ length: 400 }, (_, i) => windowed(i * 13 - 2000, { centre: 30, width: 700, function: name }));
    assert.ok(greys.every((value, i) => value >= 0 && value <= 255 && (i === 0 || value >= greys[i - 1])));
  }
});

test("a table looks a value up by its bits, signed or not", () => {
  const window = { centre: 0, width: 4000, function: "LINEAR_EXACT" };
  for (const type of ["int16", "uint16", "uint8"]) {
    const table = tableOf({ type, slope: 2, intercept: -100 }, window, false);
    for (const stored of type === "int16" ? [-1024, -1, 0, 900] : [0, 1, 200, 255]) {
      assert.equal(grey(table[stored & (table.length - 1)]), Math.round(windowed(2 * stored - 100, window)));
      assert.equal(storedAt(stored & (table.length - 1), type), stored);
    }
  }
});

test("MONOCHROME1 runs the other way, and padding is black both ways", () => {
  const image = { type: "int16", slope: 1, intercept: 0, padding: [-2000, -1990] };
  const window = { centre: 0, width: 1000, function: "LINEAR" };
  const [one, other] = [false, true].map((inverted) => Uint32Array.from(tableOf(image, window, inverted)));
  for (const stored of [-600, -499, 0, 37, 499, 600]) {
    assert.equal(grey(one[stored & 0xffff]) + grey(other[stored & 0xffff]), 255);
  }
  for (const stored of [-2000, -1995, -1990]) {
    assert.equal(one[stored & 0xffff], BLACK);
    assert.equal(other[stored & 0xffff], BLACK);
  }
  assert.notEqual(other[-1989 & 0xffff], BLACK);
});
