// The slider of slices, and under it the strip of attention, aligned slice by slice.

import { peak, positionOf, shares, sliceAt, weightText } from "./attention.js";
import { make, mark, put, say } from "./elements.js";

const HEIGHT = 14;

export class Slider {
  constructor(onSlice) {
    this.range = make("input", { type: "range", min: 0, step: 1, className: "slices" });
    this.range.addEventListener("input", () => onSlice(Number(this.range.value)));
    this.strip = make("canvas", { className: "attention", role: "img" });
    this.strip.addEventListener("click", (event) => {
      onSlice(sliceAt(event.offsetX, this.weights.length, this.strip.clientWidth));
    });
    this.jump = make("button", { type: "button", className: "jump" });
    this.jump.addEventListener("click", () => onSlice(peak(this.weights)));
    this.below = make("div", { className: "under" }, this.strip, this.jump);
    this.element = make("div", { className: "slider" }, this.range, this.below);
    this.weights = [];
  }

  show(plane, slice, attention, word) {
    put(this.element, "hidden", plane.slices < 2);
    put(this.range, "max", String(plane.slices - 1));
    put(this.range, "value", String(slice));
    mark(this.range, "aria-label", `${plane.name} ${word}`.trim());
    mark(this.range, "aria-valuetext", `${word} ${slice + 1} of ${plane.slices}`);
    const parts = plane.axis === 0 ? shares(attention, plane.slices) : [];
    put(this.below, "hidden", parts.length === 0);
    if (parts.length === 0) return;
    this.weights = attention;
    const best = peak(attention);
    const most = `${word} ${best + 1}, with ${weightText(attention, best)}`;
    mark(this.strip, "aria-label", `Weight of each ${word} in the network's answer; most: ${most}`);
    put(this.jump, "title", `Go to ${most} (J)`);
    say(this.jump, `Most weight: ${word} ${best + 1}`);
    this.draw(parts, slice, best);
  }

  draw(parts, slice, best) {
    const ratio = globalThis.devicePixelRatio || 1;
    const width = this.strip.clientWidth;
    if (!(width > 0)) return;
    this.strip.width = Math.round(width * ratio);
    this.strip.height = Math.round(HEIGHT * ratio);
    const context = this.strip.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.strip);
    const [weight, most, text] = ["--weight", "--peak", "--text"].map((name) => style.getPropertyValue(name) || "#ccc");
    const bar = Math.max(width / parts.length - 0.5, 1);
    for (const [index, share] of parts.entries()) {
      const height = Math.max(share * (HEIGHT - 2), share > 0 ? 1 : 0);
      const x = positionOf(index, parts.length, width);
      context.fillStyle = index === best ? most : weight;
      context.fillRect(x - bar / 2, HEIGHT - height, bar, height);
    }
    context.fillStyle = text;
    context.fillRect(positionOf(slice, parts.length, width) - 0.75, 0, 1.5, HEIGHT);
  }
}

