// One viewport: a canvas that takes focus, the patient and the image in its corners, letters at its edges.

import { fitScale, fromScreen, placed } from "./camera.js";
import { make, mark, put, say, sayParts } from "./elements.js";
import { inWords } from "./letters.js";
import { COLOURS, Painter } from "./painter.js";
import { toVoxel } from "./planes.js";
import { Slider } from "./slider.js";
import { dragged } from "./state.js";

const EDGES = ["top", "right", "bottom", "left"];
const CLICK = 3; // CSS pixels that a hand trembles
const NOTCH = 40; // of a wheel; touchpads send many small ones

export class Port {
  /** `viewer` has `dispatch(action)`, `hover(index, point)` and `state`. */
  constructor(viewer, index) {
    this.viewer = viewer;
    this.index = index;
    this.canvas = make("canvas", { tabIndex: 0, role: "application", "aria-roledescription": "viewport" });
    this.painter = new Painter(this.canvas);
    this.corners = Object.fromEntries(
      ["banner", "series", "place", "values"].map((name) => [name, make("div", { className: `corner ${name}` })]),
    );
    this.letters = Object.fromEntries(EDGES.map((edge) => [edge, make("span", { className: `letter ${edge}` })]));
    this.message = make("p", { className: "message", hidden: true });
    this.picture = make("div", { className: "picture" }, this.canvas);
    this.picture.append(...Object.values(this.corners), ...Object.values(this.letters), this.message);
    this.slider = new Slider((to) => {
      viewer.dispatch({ type: "focus", plane: index });
      viewer.dispatch({ type: "slice", to });
    });
    this.element = make("section", { className: "port" }, this.picture, this.slider.element);
    this.turned = 0;
    this.listen();
  }

  listen() {
    const { canvas, viewer } = this;
    canvas.addEventListener("focus", () => viewer.dispatch({ type: "focus", plane: this.index }));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => viewer.dispatch({ type: "fit" }));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
      viewer.hover(this.index, null);
    });
    canvas.addEventListener("pointerleave", () => viewer.hover(this.index, null));
  }

  /** Whether a hand is setting the window here at this moment. */
  get windowing() {
    return Boolean(this.drag?.moved && this.drag.tool === "window" && this.drag.window);
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  get fit() {
    return this.plane && this.size.width > 0 ? fitScale(this.plane, this.size) : 1;
  }

  /** Where the pointer is on the plane, its pixels' centres at whole numbers. */
  pointAt(event) {
    const place = placed(this.plane, this.size, this.viewer.state.cameras[this.index]);
    return fromScreen(place, { x: event.offsetX, y: event.offsetY });
  }

  fromMiddle(event) {
    return { x: event.offsetX - this.size.width / 2, y: event.offsetY - this.size.height / 2 };
  }

  wheel(event) {
    if (!this.plane) return;
    event.preventDefault();
    this.viewer.dispatch({ type: "focus", plane: this.index });
    if (event.ctrlKey || this.plane.slices < 2) {
      this.viewer.dispatch({ type: "zoom", factor: 1.0015 ** -event.deltaY, at: this.fromMiddle(event) });
      return;
    }
    this.turned += event.deltaY * (event.deltaMode === 0 ? 1 : NOTCH);
    const by = Math.trunc(this.turned / NOTCH);
    this.turned -= by * NOTCH;
    if (by) this.viewer.dispatch({ type: "scroll", by });
  }

  press(event) {
    if (!this.plane) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    if (event.button === 1) event.preventDefault();
    const { state } = this.viewer;
    const tool = event.button === 2 ? "zoom" : event.button === 1 || event.shiftKey ? "pan" : state.tool;
    const { offsetX: x, offsetY: y } = event;
    this.drag = { tool, x, y, lastX: x, lastY: y, moved: false, window: state.window, at: this.fromMiddle(event) };
    if (tool === "ruler") this.viewer.dispatch({ type: "mark", at: this.pointAt(event) });
    if (tool === "point") this.point(event);
  }

  move(event) {
    if (!this.plane) return;
    const { drag, viewer } = this;
    viewer.hover(this.index, this.pointAt(event));
    if (!drag) return;
    const { offsetX: x, offsetY: y } = event;
    drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > CLICK;
    if (!drag.moved) return;
    if (drag.tool === "window" && drag.window) {
      const window = dragged(drag.window, { x: x - drag.x, y: y - drag.y }, viewer.geometry.slope);
      viewer.dispatch({ type: "window", window });
    }
    if (drag.tool === "pan") viewer.dispatch({ type: "pan", x: x - drag.lastX, y: y - drag.lastY });
    if (drag.tool === "zoom") viewer.dispatch({ type: "zoom", factor: 1.008 ** (drag.lastY - y), at: drag.at });
    if (drag.tool === "point") this.point(event);
    [drag.lastX, drag.lastY] = [x, y];
  }

  release(event) {
    const { drag, viewer } = this;
    this.drag = null;
    if (!drag) return;
    viewer.hover(this.index, this.pointAt(event));
    if (drag.tool === "ruler" && drag.moved && viewer.state.mark) {
      viewer.dispatch({ type: "mark", at: this.pointAt(event) });
    }
    const links = viewer.planes.length > 1 && drag.tool === "window";
    if (!drag.moved && links && event.button === 0) this.point(event);
  }

  point(event) {
    const { down, right } = this.pointAt(event);
    const slice = this.viewer.state.point[this.plane.axis];
    this.viewer.dispatch({ type: "point", voxel: toVoxel(this.plane, { slice, down, right }) });
  }

  paint(scene) {
    this.plane = scene.plane;
    this.painter.paint(scene);
  }

  /** What the scene is: banner, series, place, values (lists of lines), message, sentence, and the slider's. */
  label({ plane, state }, words) {
    this.element.classList.toggle("focused", words.focused);
    const { banner } = this.corners;
    const home = words.small ? this.element : this.picture; // over a small picture: it would cover half of it
    if (banner.parentElement !== home) home.insertBefore(banner, words.small ? this.picture : this.corners.series);
    for (const [name, corner] of Object.entries(this.corners)) {
      const lines = words[name].filter(Boolean);
      while (corner.children.length > lines.length) corner.lastChild.remove();
      while (corner.children.length < lines.length) corner.append(make("div"));
      const write = name === "values" ? say : sayParts; // values change with every movement
      lines.forEach((line, i) => write(corner.children[i], line));
    }
    for (const edge of EDGES) {
      say(this.letters[edge], plane.letters[edge]);
      put(this.letters[edge], "title", inWords(plane.letters[edge]));
    }
    mark(this.picture, "style", words.linked ? `--plane: ${COLOURS[plane.axis]}` : "");
    put(this.message, "hidden", !words.message);
    say(this.message, words.message);
    mark(this.canvas, "aria-label", words.sentence);
    this.slider.show(plane, state.point[plane.axis], words.attention, words.counted);
  }
}
