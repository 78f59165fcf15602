// One plane on one canvas: the slice, the overlay, the cross-hair, the rulers.
//
// The slice is drawn once into a canvas of its own size and then placed by the browser, so that zooming and panning
// compute no pixel anew. Windowing does: that is one table look-up a voxel.

import { placed, toScreen } from "./camera.js";
import { lay } from "./overlay.js";
import { toPlane } from "./planes.js";
import { lengthText, measured, roundLength } from "./ruler.js";
import { draw, gather } from "./slices.js";

/** Colours of the cross-hair's lines, by the voxel axis whose plane they stand for; labels carry them, too. */
export const COLOURS = ["#e8b75a", "#74b9ec", "#9bd08f"];

const RULER = "#ffd76b";
const FONT = "12px system-ui, sans-serif";

/** A canvas of the size of one slice, and its pixels as 32-bit numbers. */
class Sheet {
  constructor({ rows, columns }) {
    this.canvas = document.createElement("canvas");
    this.canvas.width = columns;
    this.canvas.height = rows;
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(columns, rows);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.held = "";
  }

  /** Fill the sheet unless it holds this very content already. */
  keep(content, fill) {
    if (this.held === content) return;
    fill(this.pixels);
    this.context.putImageData(this.image, 0, 0);
    this.held = content;
  }
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.plane = null;
  }

  /** Follow the size of the element on the screen; what it is in CSS pixels. */
  size() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = globalThis.devicePixelRatio || 1;
    const [columns, rows] = [Math.max(Math.round(width * ratio), 1), Math.max(Math.round(height * ratio), 1)];
    if (this.canvas.width !== columns) this.canvas.width = columns;
    if (this.canvas.height !== rows) this.canvas.height = rows;
    return { width, height, ratio };
  }

  /** Draw everything. `scene`: volume, plane, state, table and its number, overlay or null, spacingAt. */
  paint(scene) {
    const { volume, plane, state, index } = scene;
    const size = this.size();
    const { context } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!volume || !(size.width > 0)) return;
    if (this.plane !== plane) {
      this.plane = plane;
      this.below = new Sheet(plane);
      this.above = null;
      this.values = null;
      this.gathered = "";
    }
    const slice = state.point[plane.axis];
    const place = placed(plane, size, state.cameras[index]);
    const known = plane.axis === 0 ? volume.arrived[slice] : volume.count;
    const content = `${volume.number} ${slice} ${known}`;
    if (volume.channels !== 3 && this.gathered !== content) {
      this.values = gather(volume, plane, slice, this.values);
      this.gathered = content;
    }
    this.below.keep(`${content} ${scene.tableNumber}`, (pixels) =>
      draw(volume, plane, slice, { values: this.values, table: scene.table }, pixels),
    );
    context.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
    this.put(this.below, place, state.smooth, size.ratio);
    if (scene.overlay) {
      const { volume: over, matrix, table, number } = scene.overlay;
      this.above ??= new Sheet(plane);
      this.above.keep(`${over.number} ${slice} ${number} ${over.count}`, (pixels) =>
        lay(over, matrix, plane, slice, table, pixels),
      );
      this.put(this.above, place, false, size.ratio);
    }
    if (state.crosshair) this.crosshair(plane, state.point, place, size);
    this.rulers(scene, slice, place);
    if (plane.known) this.bar(place, size);
  }

  put({ canvas }, { left, top, scaleX, scaleY }, smooth, ratio) {
    const { context } = this;
    context.imageSmoothingEnabled = smooth;
    // A large radiograph shrunk by plain interpolation skips pixels, and fine lines with them.
    context.imageSmoothingQuality = scaleX * ratio < 0.75 ? "medium" : "low";
    context.drawImage(canvas, left, top, canvas.width * scaleX, canvas.height * scaleY);
  }

  crosshair(plane, point, place, { width, height }) {
    const { context } = this;
    const { x, y } = toScreen(place, toPlane(plane, point));
    const gap = 9;
    context.lineWidth = 1;
    context.globalAlpha = 0.85;
    context.strokeStyle = COLOURS[plane.right];
    this.line([x, 0], [x, y - gap]);
    this.line([x, y + gap], [x, height]);
    context.strokeStyle = COLOURS[plane.down];
    this.line([0, y], [x - gap, y]);
    this.line([x + gap, y], [width, y]);
    context.globalAlpha = 1;
  }

  rulers({ plane, state, index, spacingAt, cursor }, slice, place) {
    const { slice: _, ...point } = toPlane(plane, state.point);
    const open = state.mark && { ...state.mark, to: cursor ?? point };
    for (const ruler of open ? [...state.rulers, open] : state.rulers) {
      if (ruler.plane !== index || ruler.slice !== slice) continue;
      this.ruler(toScreen(place, ruler.from), toScreen(place, ruler.to), measured(plane, ruler, spacingAt));
    }
  }

  ruler(from, to, text) {
    const { context } = this;
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const [across, down] = [(-(to.y - from.y) / length) * 5, ((to.x - from.x) / length) * 5];
    for (const [colour, lineWidth] of [["#000a", 4], [RULER, 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = lineWidth;
      this.line([from.x, from.y], [to.x, to.y]);
      for (const end of [from, to]) this.line([end.x - across, end.y - down], [end.x + across, end.y + down]);
    }
    const last = to.x >= from.x ? to : from;
    this.label(text, last.x + 10, last.y);
  }

  /** A bar of a round length at the lower edge. */
  bar({ scale }, { width, height }) {
    const length = roundLength((width * 0.22) / scale);
    if (!length || width < 340) return; // no room beside what stands in the corners
    const [left, right, y] = [(width - length * scale) / 2, (width + length * scale) / 2, height - 10];
    const { context } = this;
    for (const [colour, lineWidth] of [["#000a", 3], ["#c9d3dc", 1]]) {
      context.strokeStyle = colour;
      context.lineWidth = lineWidth;
      this.line([left, y], [right, y]);
      this.line([left, y - 4], [left, y + 0.5]);
      this.line([right, y - 4], [right, y + 0.5]);
    }
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = "#000a";
    context.strokeText(lengthText(length), right + 7, y - 1);
    context.fillStyle = "#c9d3dc";
    context.fillText(lengthText(length), right + 7, y - 1);
  }

  label(text, x, y) {
    const { context } = this;
    context.font = FONT;
    context.textBaseline = "middle";
    const { width } = context.measureText(text);
    const left = Math.min(Math.max(x, 2), this.canvas.clientWidth - width - 12);
    context.fillStyle = "#000c";
    context.fillRect(left - 4, y - 10, width + 8, 20);
    context.fillStyle = RULER;
    context.fillText(text, left, y + 0.5);
  }

  line([x0, y0], [x1, y1]) {
    this.context.beginPath();
    this.context.moveTo(x0, y0);
    this.context.lineTo(x1, y1);
    this.context.stroke();
  }
}
