// The row of tools. Each has its key in its title; what is on is said to screen readers, too.

import { icon, make, mark, put, say } from "./elements.js";
import { isInverted, TOOLS } from "./state.js";

const TITLES = {
  window: "Drag to window",
  pan: "Drag to move (Shift and drag)",
  zoom: "Drag to zoom (right button)",
  ruler: "Measure (R)",
  point: "Drag the cross-hair (W A S D)",
};

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    const act = (action) => () => viewer.dispatch(action);
    this.series = make("select", { className: "series", "aria-label": "Series", title: "Series (N, Shift N)" });
    this.series.addEventListener("change", () => viewer.open(Number(this.series.value)));
    this.tools = TOOLS.map((tool) => button(tool, TITLES[tool], act({ type: "tool", tool })));
    this.presets = make("select", { className: "presets", "aria-label": "Window", title: "Window (1 to 9)" });
    this.presets.addEventListener("change", () => viewer.dispatch({ type: "preset", key: this.presets.value }));
    this.invert = button("invert", "Invert (I)", act({ type: "invert" }));
    this.smooth = button("smooth", "Smooth pixels (L)", act({ type: "smooth" }));
    this.fit = button("fit", "Fit (F)", act({ type: "fit" }));
    this.crosshair = button("lines", "Show the cross-hair (X)", act({ type: "crosshair" }));
    this.layout = button("three", "Three planes (M)", act({ type: "layout" }));
    this.overlay = button("overlay", "Overlay (H)", act({ type: "overlay" }));
    this.overlays = make("select", { "aria-label": "Which overlay", title: "Which overlay (Shift H)" });
    this.overlays.addEventListener("change", () => {
      viewer.dispatch({ type: "choose", index: Number(this.overlays.value) });
    });
    this.opacity = make("input", { type: "range", min: 5, max: 100, step: 5, className: "opacity" });
    this.opacity.setAttribute("aria-label", "Opacity of the overlay");
    this.opacity.title = "Opacity (O, Shift O)";
    this.opacity.addEventListener("input", () => {
      viewer.dispatch({ type: "opacity", to: Number(this.opacity.value) / 100 });
    });
    this.scale = make("span", { className: "heat" }, make("span"), make("i"), make("span"));
    this.over = make("span", { className: "group" }, this.overlay, this.overlays, this.opacity, this.scale);
    const help = button("keys", "Keys (?)", act({ type: "help" }));
    this.element = make(
      "div",
      { className: "tools", role: "toolbar", "aria-label": "Viewer" },
      this.series,
      make("span", { className: "group" }, ...this.tools),
      make("span", { className: "group" }, this.presets, this.invert),
      make("span", { className: "group" }, this.fit, this.smooth, this.crosshair, this.layout),
      this.over,
      make("span", { className: "group last" }, help),
    );
  }

  /** The series of the study and the overlays and presets of the one that is open. */
  fill({ series, index, presets, overlays }) {
    options(this.series, series.map(({ label, facts }, i) => [i, label || facts || `Series ${i + 1}`]));
    put(this.series, "hidden", series.length < 2);
    put(this.series, "value", String(index));
    options(this.presets, [["", "Own window"], ...presets.map(({ key, name }) => [key, `${key}  ${name}`])]);
    put(this.presets, "hidden", presets.length === 0);
    options(this.overlays, overlays.map(({ name }, i) => [i, name]));
    put(this.over, "hidden", overlays.length === 0);
    put(this.overlays, "hidden", overlays.length < 2);
  }

  show({ state, geometry, presets, planes, opacity, range }) {
    const colour = geometry.channels === 3;
    this.tools.forEach((tool, i) => press(tool, state.tool === TOOLS[i]));
    put(this.tools[0], "hidden", colour);
    put(this.tools[4], "hidden", planes.length < 2);
    put(this.presets, "value", presets.find(({ name }) => name === state.preset)?.key ?? "");
    press(this.invert, isInverted(state, geometry));
    put(this.invert, "hidden", colour);
    press(this.smooth, state.smooth);
    press(this.crosshair, state.crosshair);
    press(this.layout, state.layout === "three");
    put(this.layout, "hidden", planes.length < 3);
    press(this.overlay, state.overlay.on);
    put(this.overlays, "value", String(state.overlay.index));
    put(this.opacity, "value", String(Math.round(opacity * 100)));
    put(this.opacity, "disabled", !state.overlay.on);
    put(this.scale, "hidden", !state.overlay.on || !range);
    say(this.scale.firstChild, range?.[0] ?? "");
    say(this.scale.lastChild, range?.[1] ?? "");
  }
}

function button(name, title, onclick) {
  return make("button", { type: "button", className: "tool", title, "aria-label": title, onclick }, icon(name));
}

function press(element, on) {
  mark(element, "aria-pressed", String(Boolean(on)));
}

function options(select, pairs) {
  const wanted = JSON.stringify(pairs);
  if (select.dataset.holds === wanted) return;
  select.dataset.holds = wanted;
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value, textContent: text })));
}
