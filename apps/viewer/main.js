// The viewer: what a reader does becomes the next state, and each state is drawn once.

import { peak } from "./attention.js";
import { actualZoom } from "./camera.js";
import { Display } from "./display.js";
import { actionFor } from "./keys.js";
import { nameOf, Overlays } from "./overlays.js";
import { planesOf } from "./planes.js";
import { firstWindow, presetsOf } from "./presets.js";
import { UNKNOWN } from "./ruler.js";
import { Shelf } from "./shelf.js";
import { teller } from "./shown.js";
import { displayed, firstState, reduce } from "./state.js";
import { refused } from "./trouble.js";
import { tableOf } from "./window.js";

const ENDED = [401, 403]; // the session is over; whatever else the server cannot note is no reason to stop reading
const EASY = 150; // ms between two drawings of what is still arriving

const MOUNTED = new WeakMap();

/** Show `data` (series, height, beside, theme, base) in `parent`; what is returned takes it away again. */
export function mount(parent, data) {
  const there = MOUNTED.get(parent);
  if (there) there.update(data);
  else MOUNTED.set(parent, new Viewer(parent, data));
  return () => {
    MOUNTED.get(parent)?.close();
    MOUNTED.delete(parent);
  };
}

class Viewer {
  constructor(parent, data) {
    this.shelf = new Shelf(data.base);
    this.overlays = new Overlays(this.shelf, (slice, trouble) => this.changed(slice, trouble));
    this.kept = new Map();
    this.tableNumber = 0;
    this.display = new Display(this, parent);
    this.update(data);
  }

  /** New data for the same viewer: tokens may be newer, overlays may have come; what a reader has set stays. */
  update(data) {
    this.series = data.series ?? [];
    this.base = data.base;
    this.shelf.base = data.base;
    this.display.lay(data, this.series.length === 0);
    const same = this.series.findIndex(({ key }) => key === this.geometry?.key);
    this.open(Math.max(same, 0));
  }

  /** Show one series of the study. */
  open(index) {
    if (this.geometry) this.kept.set(this.geometry.key, this.state);
    this.index = index;
    this.geometry = this.series[index];
    this.tell?.stop();
    if (!this.geometry) return;
    const { geometry } = this;
    this.planes = planesOf(geometry);
    const first = firstState(geometry, this.planes);
    this.state = this.kept.get(geometry.key) ?? first;
    this.overlays.use(geometry);
    if (!this.overlays.list[this.state.overlay.index]) this.state = { ...this.state, overlay: first.overlay };
    this.shelf.keep([geometry.key, ...this.overlays.list.map(nameOf)]);
    this.display.complain(null);
    const planes = geometry.mpr || geometry.kind !== "volume" || geometry.shape[0] < 2 ? "" : geometry.why_no_mpr;
    this.display.note(planes ?? ""); // a picture has no planes across it: nothing is missing there
    this.cursor = null;
    const url = geometry.shown_url ? new URL(geometry.shown_url, this.base) : "";
    const onRefused = (status) => ENDED.includes(status) && this.display.complain(refused(status));
    this.tell = teller({ url, token: geometry.token, onRefused });
    this.load();
    this.colour();
    this.display.schedule();
  }

  load() {
    try {
      const changed = (slice, trouble) => this.changed(slice, trouble);
      this.volume = this.shelf.take(this.geometry.key, this.geometry, changed);
    } catch (trouble) {
      this.volume = null;
      this.display.complain(trouble);
    }
  }

  again() {
    this.shelf.drop(this.geometry.key);
    for (const overlay of this.overlays.list) this.shelf.drop(nameOf(overlay));
    this.open(this.index);
  }

  /** A slice has arrived, or something went wrong. */
  changed(slice, trouble) {
    if (trouble) this.display.complain(trouble);
    const { geometry, volume } = this;
    if (!this.state.window && volume?.count && geometry.channels !== 3) {
      const window = firstWindow(geometry, volume.histogram);
      this.become(reduce(this.state, { type: "window", window }, this.context()));
    }
    const now = performance.now();
    const wanted = slice === this.state.point[0] || volume?.complete || trouble;
    if (!wanted && now - (this.eased ?? -EASY) < EASY) return;
    this.eased = now;
    this.display.schedule();
  }

  context() {
    const { geometry, planes, overlays, state } = this;
    const port = this.display.ports[state.plane];
    const { size, fit } = port;
    const seen = port.plane && size.width > 0;
    const actual = seen ? actualZoom(planes[state.plane], size, globalThis.devicePixelRatio || 1) : 1;
    return { geometry, planes, fit, actual, overlays: overlays.list.length };
  }

  /** What the keys 1 to 9 do; percentiles move as long as slices arrive. */
  get presets() {
    if (!this.volume) return [];
    const of = `${this.volume.number} ${this.volume.count}`;
    if (this.counted?.of !== of) this.counted = { of, presets: presetsOf(this.geometry, this.volume.histogram) };
    return this.counted.presets;
  }

  dispatch(action) {
    if (!this.geometry) return;
    const special = SPECIAL[action.type];
    if (special) special(this, action);
    else this.become(reduce(this.state, action, this.context()));
  }

  become(state) {
    if (state === this.state) return;
    const { window, inverted } = this.state;
    this.state = state;
    if (state.window !== window || state.inverted !== inverted) this.colour();
    this.display.schedule();
  }

  hover(index, point) {
    this.cursor = point && { index, point };
    this.display.schedule();
  }

  key(event) {
    const { target, key } = event;
    if (target.closest("select, dialog, input:not(.slices)")) return;
    if (key.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation(); // the page has keys of its own
    const action = actionFor(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    const { plane } = this.state;
    this.dispatch(action);
    if (!this.display.holds(target) || this.state.plane === plane) return;
    this.display.draw(); // a viewport that is not shown yet cannot take the focus
    this.display.focus();
  }

  /** A new table of colours for the window that is set. */
  colour() {
    if (!this.state.window || this.geometry.channels === 3) return;
    this.table = tableOf(this.geometry, this.state.window, this.state.inverted, this.table);
    this.tableNumber += 1;
  }

  /** Tell the server what is on display. */
  report() {
    const { geometry, planes, state } = this;
    const overlay = state.overlay.on ? (this.overlays.list[state.overlay.index]?.name ?? "") : "";
    this.tell(displayed(state, { geometry, planes, overlay }));
  }

  close() {
    this.tell?.stop();
    this.shelf.clear();
    this.display.close();
  }
}

/** Actions that need more than the state: what has arrived, other series, the page. */
const SPECIAL = {
  preset(viewer, { key }) {
    const found = viewer.presets.find((preset) => preset.key === key);
    if (!found) return;
    const action = { type: "window", window: found.window, preset: found.name };
    viewer.become(reduce(viewer.state, action, viewer.context()));
  },
  series(viewer, { by }) {
    const { length } = viewer.series;
    if (length > 1) viewer.open((viewer.index + by + length) % length);
  },
  jump(viewer) {
    const slice = peak(viewer.geometry.attention);
    viewer.become(reduce(viewer.state, { type: "jump", slice }, viewer.context()));
  },
  mark(viewer, action) {
    if (viewer.planes[viewer.state.plane].known) viewer.become(reduce(viewer.state, action, viewer.context()));
    else viewer.display.note(UNKNOWN);
  },
  opacity(viewer, action) {
    const from = viewer.overlays.opacity(viewer.state);
    viewer.become(reduce(viewer.state, { ...action, from }, viewer.context()));
  },
  choose(viewer, { index }) {
    viewer.become({ ...viewer.state, overlay: { on: true, index, opacity: null } });
  },
  help: (viewer) => viewer.display.help.open({ overlays: viewer.overlays.list.length > 0 }),
};
