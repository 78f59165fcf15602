// The viewer on the page: its parts, and each state drawn once a frame.

import { make, mark, put, say } from "./elements.js";
import { Fit } from "./fit.js";
import { Help } from "./help.js";
import { grid, sharing } from "./layout.js";
import { Port } from "./port.js";
import { Toolbar } from "./toolbar.js";
import { corners, counted, spoken } from "./words.js";

const SPOKEN = 500; // ms of calm after which a change is said
const RESTS = 120; // ms after which a hand that sets the window is held still, and the other planes follow

export class Display {
  /** `viewer` is the one of main.js: what is shown is read from it, what a reader does is told to it. */
  constructor(viewer, parent) {
    this.viewer = viewer;
    this.toolbar = new Toolbar(viewer);
    this.retry = make("button", { type: "button", textContent: "Try again", onclick: () => viewer.again() });
    this.trouble = make("div", { className: "trouble", role: "alert", hidden: true }, make("span"), this.retry);
    this.notice = make("p", { className: "notice", hidden: true });
    this.progress = make("progress", { className: "progress", "aria-label": "Images received" });
    this.ports = [0, 1, 2].map((index) => new Port(viewer, index));
    this.grid = make("div", { className: "ports" }, ...this.ports.map((port) => port.element));
    this.live = make("div", { className: "unseen", role: "status", "aria-live": "polite" });
    this.help = new Help(() => this.focus());
    const parts = [this.toolbar.element, this.progress, this.trouble, this.notice, this.grid, this.live, this.help.element];
    this.root = make("div", { className: "viewer" }, ...parts);
    this.root.addEventListener("keydown", (event) => viewer.key(event));
    parent.append(this.root);
    this.observer = new ResizeObserver(() => {
      this.shared = null;
      this.schedule();
    });
    for (const element of [this.grid, ...this.ports.map((port) => port.picture)]) this.observer.observe(element);
    this.fit = new Fit(this.root);
  }

  /** The size and the theme of the whole, as the page wants them. */
  lay({ theme, height, beside }, empty) {
    this.root.dataset.theme = theme ?? "";
    this.root.classList.toggle("empty", empty);
    this.fit.lay({ height: height ?? 720, beside });
  }

  focus() {
    this.ports[this.viewer.state.plane]?.canvas.focus();
  }

  holds(target) {
    return this.ports.some(({ canvas }) => canvas === target);
  }

  complain(trouble) {
    this.trouble.hidden = !trouble;
    this.retry.hidden = !trouble?.retry;
    say(this.trouble.firstChild, trouble?.message ?? "");
  }

  note(sentence) {
    say(this.notice, sentence);
    this.notice.hidden = !sentence;
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => this.draw(this.ports.findIndex((port) => port.windowing)));
  }

  /**
   * Draw what is shown; `alone`: the one viewport whose window a hand is setting, -1 where there is none.
   *
   * A window moves all planes, but the eye is on one: the others follow when the hand rests or lets go. Until then
   * each still says the window that it is drawn with.
   */
  draw(alone = -1) {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.following);
    this.frame = null;
    if (alone >= 0) this.following = setTimeout(() => this.draw(), RESTS);
    const { viewer, ports } = this;
    const { geometry, state, planes } = viewer;
    if (!geometry || this.closed) return;
    const three = state.layout === "three";
    mark(this.root, "data-layout", state.layout);
    this.share(three);
    const shown = (index) => index < planes.length && (three || index === state.plane);
    ports.forEach((port, index) => put(port.element, "hidden", !shown(index)));
    const overlay = viewer.overlays.layer(state);
    const now = (index) => shown(index) && (alone < 0 || index === alone);
    const scenes = planes.map((_, index) => (now(index) ? this.scene(index, overlay) : null));
    // First all pictures, which ask for sizes, then all words, which change them: else each would wait for a layout.
    scenes.forEach((scene, index) => scene && ports[index].paint(scene));
    scenes.forEach((scene, index) => scene && ports[index].label(scene, this.words(index, three)));
    this.status();
  }

  /** Give the planes their shares of the window; asked anew when its size or the planes have changed. */
  share(three) {
    const { planes } = this.viewer;
    if (this.shared?.planes === planes && this.shared.three === three) return;
    this.shared = { planes, three };
    const { clientWidth: width, clientHeight: height } = this.grid;
    const found = three && width > 0 ? sharing(planes, { width, height }) : null;
    mark(this.grid, "data-way", found?.way ?? "");
    this.grid.style.gridTemplate = found ? grid(found) : "";
  }

  scene(index, overlay) {
    const { geometry, state, planes, volume, table, tableNumber } = this.viewer;
    return {
      volume: geometry.channels === 3 || state.window ? volume : null,
      plane: planes[index],
      state,
      index,
      table,
      tableNumber,
      overlay,
      spacingAt: geometry.spacing_at,
      cursor: this.cursorOf(index),
    };
  }

  cursorOf(index) {
    const { cursor } = this.viewer;
    return cursor?.index === index ? cursor.point : null;
  }

  words(index, three) {
    const { geometry, state, planes, volume, overlays } = this.viewer;
    const plane = planes[index];
    const there = plane.axis === 0 ? volume?.arrived[state.point[0]] : volume?.count > 0;
    const cursor = this.cursorOf(index);
    const small = three && index > 0;
    return {
      ...corners({ geometry, plane, state, index, volume, overlays, cursor, small }),
      small,
      message: there || !this.trouble.hidden ? "" : "Loading …",
      sentence: `${plane.name} ${geometry.label}. Press question mark for the keys.`.trim(),
      focused: three && index === state.plane,
      linked: planes.length > 1,
      attention: geometry.attention,
      counted: counted(geometry),
    };
  }

  status() {
    const { geometry, state, planes, volume, overlays, presets, series, index } = this.viewer;
    const arrived = volume?.arrived[state.point[0]] === 1;
    put(this.progress, "max", geometry.shape[0]);
    put(this.progress, "value", volume?.count ?? 0);
    put(this.progress, "title", `${volume?.count ?? 0} of ${geometry.shape[0]} received`);
    this.progress.classList.toggle("done", Boolean(volume?.complete) || !this.trouble.hidden);
    mark(this.root, "data-drawn", arrived ? "yes" : "no");
    mark(this.root, "data-whole", volume?.complete ? "yes" : "no");
    this.toolbar.fill({ series, index, presets, overlays: overlays.list });
    this.toolbar.show({ state, geometry, presets, planes, opacity: overlays.opacity(state), range: overlays.range });
    if (!arrived) return;
    this.viewer.report();
    this.announce(spoken({ geometry, plane: planes[state.plane], state, volume }));
  }

  /** Say it to screen readers once things are calm. */
  announce(sentence) {
    if (sentence === this.said) return;
    this.said = sentence;
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => say(this.live, sentence), SPOKEN);
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.speaking);
    clearTimeout(this.following);
    this.observer.disconnect();
    this.fit.close();
    this.root.remove();
  }
}
