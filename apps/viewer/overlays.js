// The overlay that is chosen: loaded when it is first asked for, coloured anew when its opacity or its range changes.

import { quantile } from "./histogram.js";
import { between, heatTable, overlayAt } from "./overlay.js";
import { Trouble } from "./trouble.js";
import { written } from "./value.js";

const NOWHERE = "This overlay does not say where it lies in the patient, so that it cannot be laid over the image.";

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
      const stored = quantile(volume.histogram, 1);
      this.open.most = stored === null ? 0 : (chosen.slope ?? 1) * stored + (chosen.intercept ?? 0);
      this.open.table = heatTable(chosen, this.open.most, opacity);
      this.open.holds = holds;
      this.number += 1;
    }
    return { volume, matrix, table: this.open.table, number: this.number };
  }

  begin(chosen) {
    const matrix = between(this.geometry, chosen);
    this.open = { chosen, matrix, volume: null, most: 0 };
    if (!matrix) {
      this.changed(-1, new Trouble(NOWHERE, { retry: false }));
      return;
    }
    try {
      this.open.volume = this.shelf.take(chosen.url, { channels: 1, ...chosen }, this.changed);
    } catch (trouble) {
      this.changed(-1, trouble);
    }
  }

  get most() {
    return this.open?.most > 0 ? written(this.open.most, false) : "";
  }

  valueAt(voxel) {
    const { volume, matrix, chosen } = this.open ?? {};
    const value = volume && matrix ? overlayAt(volume, matrix, chosen, voxel.map(Math.round)) : null;
    return value === null ? "" : `${chosen.name} ${written(value, false)}`;
  }
}
