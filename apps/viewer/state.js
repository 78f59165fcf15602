// What a reader has set, and how actions change it. Pure: an action and a state give the next state.
//
// One voxel, `point`, links everything: it is where the cross-hair stands, and each plane shows the slice that it lies
// on. So planes cannot disagree.

import { FITTED, panned, zoomed } from "./camera.js";
import { toPlane, toVoxel } from "./planes.js";
import { narrowest } from "./window.js";

export const TOOLS = ["window", "pan", "zoom", "ruler", "point"];

/** How a series is first shown: its middle slice, fitted; three planes where it has them. */
export function firstState(geometry, planes) {
  return {
    point: geometry.shape.map((n) => Math.floor(n / 2)),
    plane: 0,
    layout: planes.length === 3 ? "three" : "one",
    cameras: planes.map(() => FITTED),
    window: geometry.window ?? null,
    preset: geometry.window ? "As in the file" : "",
    inverted: Boolean(geometry.inverted),
    smooth: true,
    crosshair: planes.length === 3,
    tool: "window",
    rulers: [],
    mark: null,
    overlay: { on: false, index: 0, opacity: null },
  };
}

/** Whether a reader has turned the greys over; that a file's low values are bright is no inversion. */
export function isInverted(state, geometry) {
  return state.inverted !== Boolean(geometry.inverted);
}

/** The next state. `context` holds what an action needs to know: geometry, planes, and the viewport's size and fit. */
export function reduce(state, action, context) {
  const change = CHANGES[action.type];
  return change ? change(state, action, context) : state;
}

const CHANGES = {
  scroll(state, { by }, context) {
    return atSlice(state, state.point[focused(state, context).axis] + by, context);
  },
  slice(state, { to }, context) {
    return atSlice(state, to, context);
  },
  point(state, { voxel }, { geometry }) {
    return { ...state, point: voxel.map((value, axis) => clamp(Math.round(value), 0, geometry.shape[axis] - 1)) };
  },
  move(state, { down, right }, context) {
    const plane = focused(state, context);
    const at = toPlane(plane, state.point);
    const next = {
      slice: at.slice,
      down: clamp(at.down + down, 0, plane.rows - 1),
      right: clamp(at.right + right, 0, plane.columns - 1),
    };
    return { ...state, crosshair: true, point: toVoxel(plane, next) };
  },
  focus: (state, { plane }) => (plane === state.plane ? state : { ...state, plane }),
  plane: (state, _, { planes }) => ({ ...state, plane: (state.plane + 1) % planes.length }),
  layout(state, { to }, { planes }) {
    if (planes.length < 3) return state;
    return { ...state, layout: to ?? (state.layout === "one" ? "three" : "one") };
  },
  window(state, { window, preset = "" }, { geometry }) {
    return { ...state, window: allowed(window, geometry), preset };
  },
  widen(state, { by }, context) {
    if (!state.window) return state;
    const { width } = state.window;
    const step = Math.max(width * 0.1, narrowest("LINEAR_EXACT", context.geometry.slope));
    return CHANGES.window(state, { window: { ...state.window, width: width + by * step } }, context);
  },
  raise(state, { by }, context) {
    if (!state.window) return state;
    const { width, centre } = state.window;
    const step = Math.max(width * 0.05, narrowest("LINEAR_EXACT", context.geometry.slope));
    return CHANGES.window(state, { window: { ...state.window, centre: centre + by * step } }, context);
  },
  invert: (state, _, { geometry }) => (geometry.channels === 3 ? state : { ...state, inverted: !state.inverted }),
  smooth: (state) => ({ ...state, smooth: !state.smooth }),
  crosshair: (state) => ({ ...state, crosshair: !state.crosshair }),
  tool: (state, { tool }) => ({ ...state, tool, mark: null }),
  zoom(state, { factor, at }, { fit }) {
    return withCamera(state, (camera) => zoomed(camera, factor, { ...at, fit }));
  },
  pan(state, { x, y }, context) {
    return withCamera(state, (camera) => panned(camera, focused(state, context), { x, y, fit: context.fit }));
  },
  fit: (state) => withCamera(state, () => FITTED),
  actual: (state, _, { actual }) => withCamera(state, () => ({ ...FITTED, zoom: actual })),
  mark(state, { at }, context) {
    const plane = focused(state, context);
    if (!plane.known) return state;
    const { slice, ...here } = toPlane(plane, state.point);
    const point = at ?? here;
    if (!state.mark || state.mark.plane !== state.plane || state.mark.slice !== slice) {
      return { ...state, crosshair: state.crosshair || !at, mark: { plane: state.plane, slice, from: point } };
    }
    return { ...state, mark: null, rulers: [...state.rulers, { ...state.mark, to: point }] };
  },
  unmark(state) {
    return state.mark ? { ...state, mark: null } : { ...state, rulers: state.rulers.slice(0, -1) };
  },
  escape: (state) => (state.mark ? { ...state, mark: null } : state),
  overlay: (state, _, { overlays }) =>
    overlays ? { ...state, overlay: { ...state.overlay, on: !state.overlay.on } } : state,
  nextOverlay(state, _, { overlays }) {
    if (overlays === 0) return state;
    const index = state.overlay.on ? (state.overlay.index + 1) % overlays : state.overlay.index;
    return { ...state, overlay: { on: true, index, opacity: null } };
  },
  opacity(state, { by = 0, to, from = 0.5 }) {
    const opacity = clamp(to ?? (state.overlay.opacity ?? from) + by, 0.05, 1);
    return { ...state, overlay: { ...state.overlay, opacity: Math.round(opacity * 100) / 100 } };
  },
  jump(state, { slice }, context) {
    if (!(slice >= 0)) return state;
    return atSlice({ ...state, plane: 0 }, slice, context);
  },
};

function focused({ plane }, { planes }) {
  return planes[plane];
}

function atSlice(state, slice, context) {
  const { axis, slices } = focused(state, context);
  const point = [...state.point];
  point[axis] = clamp(slice, 0, slices - 1);
  return point[axis] === state.point[axis] ? state : { ...state, point, mark: null };
}

function withCamera(state, change) {
  return { ...state, cameras: state.cameras.map((camera, i) => (i === state.plane ? change(camera) : camera)) };
}

function allowed(window, { slope = 1 }) {
  return { ...window, width: Math.max(window.width, narrowest(window.function, slope)) };
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** The window after a drag of so many pixels: to the right it widens, upwards the picture grows lighter. */
export function dragged(window, { x, y }, slope = 1) {
  const step = Math.max(window.width / 250, Math.abs(slope) / 4);
  const round = Number.isInteger(slope) && window.width >= 10 ? Math.round : (value) => value;
  return { ...window, width: round(window.width + x * step), centre: round(window.centre + y * step) };
}

/** What the server keeps of what is on display. Slices count from 1, as on the screen. */
export function displayed(state, { geometry, planes, overlay = "" }) {
  const plane = planes[state.plane];
  return {
    series: geometry.key,
    plane: plane.name,
    slice: state.point[plane.axis] + 1,
    slices: plane.slices,
    centre: state.window?.centre ?? null,
    width: state.window?.width ?? null,
    inverted: state.inverted,
    zoom: Math.round(state.cameras[state.plane].zoom * 1000) / 1000,
    overlay,
  };
}
