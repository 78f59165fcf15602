// The overlay that is chosen: loaded when it is first asked for, coloured anew when its opacity or its range changes.
//
// A map is coloured from zero to its largest value; an image that is laid over another one says its `range` itself.

import { quantile } from "./histogram.js";
import { between, heatTable, overlayAt } from "./overlay.js";
import { Trouble } from "./trouble.js";
import { written } from "./value.js";

const NOWHERE = "This overlay does not say where it lies in the patient, so that it cannot be laid over the image.";

/** What its volume is called on the shelf: an image that is a series of the study, too, is fetched once. */
export function nameOf({ key, url }) {
  return key ?? url;
}

export class Overlays {
  constructor(shelf, changed) {
    this.shelf = shelf;
    this.changed = changed;
    this.number = 0;
  }

  /** The overlays of another image, or other ones of the same. */
  use(geometry) {
    this.geometry = geometry;
    this.list = geometry.overlays ?? [];
    this.open = null;
  }

  opacity({ overlay }) {
    return overlay.opacity ?? this.list[overlay.index]?.opacity ?? 0.5;
  }

  /** What a painter needs for this state; null where there is nothing to lay over. */
  layer(state) {
    const chosen = state.overlay.on ? this.list[state.overlay.index] : null;
    if (!chosen) return null;
    if (this.open?.chosen !== chosen) this.begin(chosen);
    const { volume, matrix } = this.open;
    if (!matrix || !volume) return null;
    const opacity = this.opacity(state);
    const holds = `${opacity} ${volume.count}`;
    if (this.open.holds !== holds) {
      const stored = quantile(volume.histogram, 1) ?? 0;
      this.open.ends = chosen.range ?? [0, (chosen.slope ?? 1) * stored + (chosen.intercept ?? 0)];
      this.open.table = heatTable(chosen, this.open.ends, opacity);
      this.open.holds = holds;
      this.number += 1;
    }
    return { volume, matrix, table: this.open.table, number: this.number };
  }

  begin(chosen) {
    const matrix = between(this.geometry, chosen);
    this.open = { chosen, matrix, volume: null, ends: [0, 0] };
    if (!matrix) {
      this.changed(-1, new Trouble(NOWHERE, { retry: false }));
      return;
    }
    try {
      this.open.volume = this.shelf.take(nameOf(chosen), { channels: 1, ...chosen }, this.changed);
    } catch (trouble) {
      this.changed(-1, trouble);
    }
  }

  /** Where its colours begin and end, in words; null as long as nobody knows. */
  get range() {
    const [low, high] = this.open?.ends ?? [0, 0];
    return high > low ? [written(low, false), written(high, false)] : null;
  }

  valueAt(voxel) {
    const { volume, matrix, chosen } = this.open ?? {};
    const value = volume && matrix ? overlayAt(volume, matrix, chosen, voxel.map(Math.round)) : null;
    return value === null ? "" : `${chosen.name} ${written(value, false)}`;
  }
}
