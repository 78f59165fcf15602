import assert from "node:assert/strict";
import test from "node:test";
import { close, viewer, whole } from "./load.mjs";

const { planesOf, toPlane } = await viewer("planes.js");
const { displayed, dragged, firstState, isInverted, reduce } = await viewer("state.js");
const { actualZoom, FITTED, fitScale, fromScreen, panned, placed, toScreen, zoomed } = await viewer("camera.js");
const { distance, lengthText, measured, roundLength } = await viewer("ruler.js");
const { actionFor, GROUPS } = await viewer("keys.js");
const { valueAt, windowText, written } = await viewer("value.js");
const { peak, positionOf, shares, sliceAt, weightText } = await viewer("attention.js");
const { heat, heatTable } = await viewer("overlay.js");
const { draw, gather } = await viewer("slices.js");
const { corners } = await viewer("words.js");
const { BLACK } = await viewer("window.js");

const CT = {
  key: "k", kind: "volume", shape: [30, 40, 50], channels: 1, type: "int16", slope: 1, intercept: -1024, units: "HU",
  window: { centre: 40, width: 400, function: "LINEAR" }, inverted: false, padding: null, spacing: [3, 1, 0.5],
  spacing_at: "patient", letters: [["F", "H"], ["A", "P"], ["R", "L"]], mpr: true,
  affine: [[0, 0, -0.5, 0], [0, -1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1]],
};
const PLANES = planesOf(CT);
const CONTEXT = { geometry: CT, planes: PLANES, fit: 2, actual: 0.5, overlays: 2 };
const act = (state, ...actions) => actions.reduce((before, action) => reduce(before, action, CONTEXT), state);
const start = () => firstState(CT, PLANES);

test("a volume opens on its middle in three planes, as its file windows it", () => {
  const state = start();
  assert.deepEqual(state.point, [15, 20, 25]);
  assert.equal(state.layout, "three");
  assert.deepEqual(state.window, CT.window);
  assert.equal(firstState({ ...CT, inverted: true, window: null }, PLANES.slice(0, 1)).inverted, true);
});

test("scrolling moves the focused plane and stops at its ends", () => {
  assert.equal(act(start(), { type: "scroll", by: 3 }).point[0], 18);
  assert.equal(act(start(), { type: "scroll", by: Infinity }).point[0], 29);
  assert.equal(act(start(), { type: "scroll", by: -Infinity }).point[0], 0);
  const coronal = PLANES.findIndex(({ name }) => name === "Coronal");
  assert.deepEqual(act(start(), { type: "focus", plane: coronal }, { type: "scroll", by: -2 }).point, [15, 18, 25]);
});

test("the cross-hair links the planes: what it points at in one is the slice of the others", () => {
  const state = act(start(), { type: "point", voxel: [3, 4.4, 49.7] });
  assert.deepEqual(state.point, [3, 4, 49]);
  assert.deepEqual(PLANES.map((plane) => toPlane(plane, state.point).slice), [3, 4, 49]);
  const moved = act(start(), { type: "move", down: 10, right: -1 });
  assert.deepEqual(moved.point, [15, 30, 24]);
  assert.equal(moved.crosshair, true);
  const coronal = act(start(), { type: "focus", plane: 1 }, { type: "move", down: -1, right: 0 });
  assert.equal(coronal.point[0], 16, "up on a coronal plane is towards the head");
});

test("a window stays one: never narrower than its function allows", () => {
  const narrow = { ...CT.window, width: 0.2 };
  assert.equal(act(start(), { type: "window", window: narrow }).window.width, 1);
  assert.ok(act(start(), { type: "widen", by: 1 }).window.width > 400);
  assert.ok(act(start(), { type: "raise", by: -1 }).window.centre < 40);
  const wide = dragged(CT.window, { x: 50, y: -25 }, 1);
  assert.deepEqual([wide.width, wide.centre], [480, 0]);
  assert.equal(act(start(), { type: "window", window: wide }).preset, "");
});

test("each plane has its own zoom; fitting undoes it", () => {
  const state = act(start(), { type: "zoom", factor: 2 }, { type: "pan", x: 10, y: 0 });
  assert.equal(state.cameras[0].zoom, 2);
  assert.equal(state.cameras[0].x, -2.5);
  assert.deepEqual(state.cameras[1], FITTED);
  assert.deepEqual(act(state, { type: "fit" }).cameras[0], FITTED);
});

test("rulers belong to the slice they were drawn on and can be taken away again", () => {
  let state = act(start(), { type: "mark", at: { down: 1, right: 2 } });
  assert.deepEqual(state.mark, { plane: 0, slice: 15, from: { down: 1, right: 2 } });
  state = act(state, { type: "mark", at: { down: 5, right: 2 } });
  assert.equal(state.rulers.length, 1);
  assert.equal(measured(PLANES[0], state.rulers[0], "patient"), "4.0 mm");
  assert.equal(act(state, { type: "unmark" }).rulers.length, 0);
  assert.equal(act(start(), { type: "mark" }, { type: "scroll", by: 1 }).mark, null);
  assert.equal(act(start(), { type: "mark" }, { type: "escape" }).mark, null);
});

test("by the keyboard alone: mark, walk, mark", () => {
  const walk = Array(4).fill({ type: "move", down: 0, right: 10 });
  const state = act(start(), { type: "move", down: 0, right: -10 }, { type: "mark" }, ...walk, { type: "mark" });
  assert.equal(measured(PLANES[0], state.rulers[0], "patient"), "17.0 mm"); // to the edge: 49 − 15 columns of 0.5 mm
});

test("lengths count both spacings, say where they hold, and are silent where nobody knows", () => {
  const ruler = { from: { down: 0, right: 0 }, to: { down: 3, right: 8 } };
  assert.equal(distance(PLANES[0], ruler.from, ruler.to), 5);
  assert.equal(measured(PLANES[0], ruler, "detector"), "5.0 mm at the detector");
  assert.equal(measured(PLANES[0], ruler, "calibrated"), "5.0 mm (calibrated)");
  const [unknown] = planesOf({ ...CT, spacing: null, mpr: false });
  assert.equal(distance(unknown, ruler.from, ruler.to), null);
  assert.equal(measured(unknown, ruler, ""), "");
  const alone = { planes: [unknown], geometry: CT };
  assert.equal(reduce(firstState(CT, [unknown]), { type: "mark" }, alone).mark, null);
  assert.deepEqual([0.7, 34, 99, 120].map(roundLength), [0.5, 20, 50, 100]);
  assert.deepEqual([5, 20].map(lengthText), ["5 mm", "2 cm"]);
});

test("pixels keep their shape, and what is under the pointer stays there when zooming", () => {
  const size = { width: 400, height: 300 };
  const place = placed(PLANES[0], size, FITTED);
  assert.equal(fitScale(PLANES[0], size), 7.5);
  assert.deepEqual([place.scaleX, place.scaleY], [3.75, 7.5]);
  assert.deepEqual(toScreen(place, { down: -0.5, right: -0.5 }), { x: (400 - 50 * 3.75) / 2, y: 0 });
  const pointer = { x: 250, y: 90 };
  const [before, camera] = [fromScreen(place, pointer), zoomed(FITTED, 3, { x: 50, y: -60, fit: 7.5 })];
  const after = fromScreen(placed(PLANES[0], size, camera), pointer);
  assert.ok(close(before.down, after.down) && close(before.right, after.right));
  assert.ok(close(actualZoom(PLANES[0], size, 2) * place.scaleX * 2, 1));
});

test("the picture cannot be lost", () => {
  const far = panned(FITTED, PLANES[0], { x: 1e6, y: -1e6, fit: 1 });
  assert.deepEqual([far.x, far.y], [-12.5, 20]);
  assert.equal(zoomed(FITTED, 1e9).zoom, zoomed(FITTED, 1e6).zoom);
});

test("every key does one thing, and the help lists every key", () => {
  const keys = GROUPS.flatMap(({ entries }) => entries.flatMap((entry) => entry.keys));
  assert.equal(new Set(keys).size, keys.length);
  assert.deepEqual(actionFor({ key: "ArrowDown" }), { type: "scroll", by: 1 });
  assert.deepEqual(actionFor({ key: "5" }), { type: "preset", key: "5" });
  assert.deepEqual(actionFor({ key: "I" }), { type: "invert" });
  assert.deepEqual(actionFor({ key: "?", shiftKey: true }), { type: "help" });
  assert.deepEqual(actionFor({ key: "W", shiftKey: true }), { type: "move", down: -10, right: 0 });
  assert.equal(actionFor({ key: "ArrowUp", shiftKey: true }).type, "pan");
  assert.equal(actionFor({ key: "q" }), null);
  for (const held of ["ctrlKey", "metaKey", "altKey"]) assert.equal(actionFor({ key: "f", [held]: true }), null);
  for (const key of keys) assert.ok(actionFor({ key: key.replace("shift+", ""), shiftKey: key.startsWith("shift+") }), key);
});

test("every action of the keyboard is known to the state or to the viewer", async () => {
  const { readFileSync } = await import("node:fs");
  const { VIEWER } = await import("./load.mjs");
  const main = readFileSync(new URL("main.js", VIEWER), "utf8").split("const SPECIAL")[1];
  const attentive = { ...CONTEXT, geometry: { ...CT } };
  const idle = [];
  for (const { action } of GROUPS.flatMap(({ entries }) => entries)) {
    const before = { ...start(), mark: { plane: 0, slice: 15, from: { down: 0, right: 0 } } };
    const changed = reduce(before, { slice: 3, key: "1", ...action }, attentive) !== before;
    if (!changed && !new RegExp(`^  ${action.type}[(:]`, "m").test(main)) idle.push(action.type);
  }
  assert.deepEqual(idle, []);
});

test("values are read where the pointer is, in the image's units", () => {
  const data = Int16Array.from({ length: 8 }, (_, i) => 1024 + 10 * i);
  const volume = whole(data, [2, 2, 2]);
  const image = { ...CT, padding: [1034, 1034] };
  assert.equal(valueAt(volume, image, [1, 0, 1]), "50 HU");
  assert.equal(valueAt(volume, image, [0.4, 0.2, -0.3]), "0 HU");
  assert.equal(valueAt(volume, image, [0, 0, 1]), "padding");
  assert.equal(valueAt(volume, image, [2, 0, 0]), "");
  assert.equal(valueAt({ ...volume, arrived: new Uint8Array(2) }, image, [0, 0, 0]), "");
  assert.equal(valueAt(volume, { ...CT, slope: 0.001, intercept: 0, units: "" }, [0, 1, 0]), "1.04");
  const colour = whole(Uint8Array.from([1, 2, 3]), [1, 1, 1], 3);
  assert.equal(valueAt(colour, { ...CT, channels: 3 }, [0, 0, 0]), "R 1 · G 2 · B 3");
  assert.equal(written(-43.2, true), "\u221243");
  assert.equal(written(30_000, true), "30\u202f000");
  assert.equal(written(-1024, true), "\u22121024");
  assert.equal(windowText({ centre: -600, width: 1500 }, CT), "W 1500 · L \u2212600");
});

test("without units a window is called by its name, and by numbers only once a reader has set it", () => {
  const film = { ...CT, units: "", window: { centre: 15_000, width: 30_000, function: "LINEAR" } };
  const values = (geometry, state) => {
    const asked = { geometry, plane: PLANES[0], state, index: 0, volume: null, overlays: null, cursor: null };
    return corners({ ...asked, small: false }).values.filter(Boolean);
  };
  assert.deepEqual(values(CT, start()), ["W 400 · L 40", "As in the file"]);
  const first = firstState(film, PLANES);
  assert.deepEqual(values(film, first), ["As in the file"]);
  assert.deepEqual(values(film, { ...first, preset: "" }), ["W 30\u202f000 · L 15\u202f000"]);
});

test("a file whose low values are bright is not inverted; turning it over is", () => {
  for (const inverted of [false, true]) {
    const geometry = { ...CT, inverted };
    const state = firstState(geometry, PLANES);
    assert.equal(isInverted(state, geometry), false);
    assert.equal(isInverted({ ...state, inverted: !inverted }, geometry), true);
  }
});

test("what has not arrived is black, on every plane", () => {
  const table = new Uint32Array(65536).fill(0xffffffff);
  const volume = { ...whole(new Int16Array(30 * 40 * 50), CT.shape), complete: false };
  volume.arrived = new Uint8Array(30);
  volume.arrived[15] = 1;
  for (const plane of PLANES) {
    const pixels = new Uint32Array(plane.rows * plane.columns);
    draw(volume, plane, 15, { values: gather(volume, plane, 15), table }, pixels);
    const lit = pixels.filter((pixel) => pixel === 0xffffffff).length;
    assert.equal(lit, plane.axis === 0 ? plane.rows * plane.columns : plane.columns, plane.name);
    assert.ok(pixels.every((pixel) => pixel === 0xffffffff || pixel === BLACK));
  }
  const [axial] = PLANES;
  const pixels = new Uint32Array(axial.rows * axial.columns);
  draw(volume, axial, 3, { values: gather(volume, axial, 3), table }, pixels);
  assert.ok(pixels.every((pixel) => pixel === BLACK));
});

test("colour comes through as it is", () => {
  const volume = whole(Uint8Array.from([255, 0, 0, 1, 2, 3]), [1, 1, 2], 3);
  const [plane] = planesOf({ shape: [1, 1, 2], spacing: null, letters: null, mpr: false });
  const pixels = new Uint32Array(2);
  draw(volume, plane, 0, {}, pixels);
  assert.deepEqual([...pixels], [0xff0000ff, 0xff030201]);
});

test("the strip shows shares of the largest weight and jumps to the slice that mattered", () => {
  const weights = [0.1, 0.2, 0.6, 0.1];
  assert.deepEqual(shares(weights, 4).map((share) => Math.round(share * 6)), [1, 2, 6, 1]);
  assert.deepEqual(shares(weights, 5), []);
  assert.deepEqual(shares(null, 4), []);
  assert.equal(peak(weights), 2);
  assert.equal(peak(null), -1);
  assert.equal(weightText(weights, 2), "60 % of the weight");
  for (let slice = 0; slice < 4; slice += 1) assert.equal(sliceAt(positionOf(slice, 4, 200), 4, 200), slice);
  assert.equal(act(start(), { type: "focus", plane: 2 }, { type: "jump", slice: 7 }).point[0], 7);
  assert.deepEqual(act(start(), { type: "jump", slice: -1 }), start());
});

test("heat grows lighter with the value, is clear at zero and as opaque as asked at the top", () => {
  const light = Array.from({ length: 21 }, (_, i) => heat(i / 20)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
  assert.ok(light.every((value, i) => i === 0 || value > light[i - 1]));
  const table = heatTable({ type: "uint8", slope: 1 / 255, intercept: 0 }, [0, 1], 0.6);
  assert.equal(table[0], 0);
  assert.equal(table[255] >>> 24, 153);
  const ranged = heatTable({ type: "uint8", padding: [200, 210] }, [100, 150], 1);
  assert.deepEqual([99, 100, 125, 150, 205, 255].map((value) => ranged[value] >>> 24), [0, 0, 128, 255, 0, 255]);
  assert.ok(heatTable({ type: "int16" }, [0, 0], 1).every((pixel) => pixel === 0));
});

test("what is on display is told as it stands on the screen", () => {
  const state = act(start(), { type: "scroll", by: 2 }, { type: "invert" }, { type: "zoom", factor: 2 });
  assert.deepEqual(displayed(state, { geometry: CT, planes: PLANES }), {
    series: "k", plane: "Axial", slice: 18, slices: 30, centre: 40, width: 400, inverted: true, zoom: 2, overlay: "",
  });
});

test("overlays are off until asked for; there are none to show where there are none", () => {
  assert.equal(start().overlay.on, false);
  assert.equal(act(start(), { type: "overlay" }).overlay.on, true);
  assert.equal(reduce(start(), { type: "overlay" }, { ...CONTEXT, overlays: 0 }).overlay.on, false);
  const next = act(start(), { type: "nextOverlay" }, { type: "nextOverlay" });
  assert.deepEqual([next.overlay.on, next.overlay.index], [true, 1]);
  assert.equal(act(start(), { type: "opacity", by: -0.1, from: 0.6 }).overlay.opacity, 0.5);
});
