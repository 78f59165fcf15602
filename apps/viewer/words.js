// What stands in the corners of a viewport, and what a screen reader hears.

import { valueAt, windowText } from "./value.js";
import { toVoxel } from "./planes.js";

/** "slice", or "frame" for what follows itself in time. */
export function counted({ kind }) {
  return kind === "frames" ? "frame" : "slice";
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** "Slice 151 of 300"; nothing where there is only one. */
export function placeText(geometry, plane, point) {
  return plane.slices > 1 ? `${capital(counted(geometry))} ${point[plane.axis] + 1} / ${plane.slices}` : "";
}

export function corners({ geometry, plane, state, index, volume, overlays, cursor, first }) {
  const camera = state.cameras[index];
  const overlay = state.overlay.on ? geometry.overlays?.[state.overlay.index] : null;
  const turned = state.inverted !== Boolean(geometry.inverted);
  const voxel = cursor ? toVoxel(plane, { ...cursor, slice: state.point[plane.axis] }) : null;
  const at = voxel ?? (state.crosshair ? state.point : null);
  const over = at && overlay ? overlays.valueAt(at) : "";
  const banner = geometry.banner ?? [];
  return {
    banner,
    series: [
      first ? geometry.label : "",
      first && !banner.includes(geometry.facts) ? geometry.facts : "",
      overlay ? `${overlay.name}, ${Math.round(100 * overlays.opacity(state))} %` : "",
    ],
    place: [
      plane.name,
      placeText(geometry, plane, state.point),
      camera.zoom === 1 ? "" : `${camera.zoom.toFixed(camera.zoom < 10 ? 2 : 1)}×`,
    ],
    values: [
      over,
      at && volume ? valueAt(volume, geometry, at) : "",
      state.window && geometry.channels !== 3 ? windowText(state.window, geometry) : "",
      [state.preset, turned ? "Inverted" : ""].filter(Boolean).join(" · "),
    ],
  };
}

/** One sentence on the focused viewport: plane, slice, window, and the value at the cross-hair. */
export function spoken({ geometry, plane, state, volume }) {
  const place = plane.slices > 1 ? `${counted(geometry)} ${state.point[plane.axis] + 1} of ${plane.slices}` : "";
  const window = state.window && geometry.channels !== 3 ? windowText(state.window, geometry) : "";
  const value = state.crosshair && volume ? valueAt(volume, geometry, state.point) : "";
  const turned = state.inverted !== Boolean(geometry.inverted) ? "inverted" : "";
  const overlay = state.overlay.on ? "overlay shown" : "";
  return [plane.name, place, window, state.preset, value, turned, overlay].filter(Boolean).join(", ");
}
