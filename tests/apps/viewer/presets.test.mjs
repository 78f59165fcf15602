import assert from "node:assert/strict";
import test from "node:test";
import { beside, fixtures, viewer } from "./load.mjs";

const { between, CT, firstWindow, presetsOf } = await viewer("presets.js");
const { count, emptyHistogram, quantile } = await viewer("histogram.js");
const { windowed } = await viewer("window.js");
const CHEST = { modality: "CT", units: "HU", channels: 1, window: { centre: 1, width: 2, function: "LINEAR" } };

test("each CT preset lies in the field's range and shows what it is for", () => {
  const { presets } = beside("presets.json");
  assert.deepEqual(CT.map(({ key, name }) => [key, name]), presets.map(({ key, name }) => [key, name]));
  for (const [i, { width, centre, shows, black, white }] of presets.entries()) {
    const { window, name } = CT[i];
    assert.ok(window.width >= width[0] && window.width <= width[1], `${name}: width ${window.width}`);
    assert.ok(window.centre >= centre[0] && window.centre <= centre[1], `${name}: level ${window.centre}`);
    for (const [low, high] of shows) {
      assert.ok(windowed(high, window) - windowed(low, window) >= 10, `${name} parts ${low} from ${high} HU`);
    }
    for (const units of black) assert.equal(windowed(units, window), 0, `${name}: ${units} HU is black`);
    for (const units of white) assert.equal(windowed(units, window), 255, `${name}: ${units} HU is white`);
  }
});

test("the published numbers, one by one", () => {
  const numbers = Object.fromEntries(CT.map(({ name, window }) => [name, [window.centre, window.width]]));
  assert.deepEqual(numbers, {
    Brain: [40, 80], Subdural: [75, 200], Stroke: [40, 40], Bone: [400, 1800],
    Lung: [-600, 1500], Mediastinum: [50, 350], Abdomen: [50, 400], Liver: [30, 150],
  });
});

test("key 9 is the file's own; only CT in Hounsfield units has those of CT; colour has none", () => {
  const empty = emptyHistogram("int16");
  assert.deepEqual(presetsOf(CHEST, empty).map(({ key }) => key), ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  assert.deepEqual(presetsOf(CHEST, empty).at(-1).window, CHEST.window);
  assert.equal(presetsOf({ ...CHEST, window: null }, empty).length, 8);
  assert.deepEqual(presetsOf({ ...CHEST, units: "" }, empty).map(({ name }) => name), ["As in the file"]);
  assert.deepEqual(presetsOf({ ...CHEST, channels: 3 }, empty), []);
});

test("quantiles are numpy's inverted distribution function", () => {
  for (const { type, values, shares, found } of fixtures().histograms) {
    const histogram = emptyHistogram(type);
    const half = Math.floor(values.length / 2);
    count(histogram, values.slice(0, half));
    count(histogram, values.slice(half));
    assert.deepEqual(shares.map((share) => quantile(histogram, share)), found);
  }
});

test("the full range reaches from the least to the largest value, padding left out", () => {
  const histogram = emptyHistogram("int16");
  count(histogram, Int16Array.from([-2000, -2000, -2000, 10, 20, 110]), [-2000, -2000]);
  count(histogram, Int16Array.from([-2000, 30]), [-2000, -2000]);
  assert.equal(histogram.total, 4);
  const window = between({ slope: 2, intercept: 5 }, histogram, 0, 1);
  assert.deepEqual([window.centre, window.width], [125, 200]);
  assert.equal(windowed(25, window), 0);
  assert.equal(windowed(225, window), 255);
});

test("an image without a window is shown by its percentiles, and by nothing before it has come", () => {
  const histogram = emptyHistogram("uint16");
  assert.equal(firstWindow({ window: null, slope: 1, intercept: 0 }, histogram), null);
  count(histogram, Uint16Array.from({ length: 1000 }, (_, i) => i));
  const { centre, width } = firstWindow({ window: null, slope: 1, intercept: 0 }, histogram);
  assert.deepEqual([centre, width], [499, 980]);
});
