// What stands in the corners of a viewport, and what a screen reader hears.

import { toVoxel } from "./planes.js";
import { isInverted } from "./state.js";
import { valueAt, windowText } from "./value.js";

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

/** Width and level; without units they tell nobody anything as long as a window of that name is set. */
function windowWords(state, geometry) {
  if (!state.window || geometry.channels === 3) return "";
  return geometry.units || !state.preset ? windowText(state.window, geometry) : "";
}

/** Lines of the four corners. A small viewport has its banner in one line, and does not repeat what the large one says. */
export function corners({ geometry, plane, state, index, volume, overlays, cursor, small }) {
  const camera = state.cameras[index];
  const overlay = state.overlay.on ? geometry.overlays?.[state.overlay.index] : null;
  const voxel = cursor ? toVoxel(plane, { ...cursor, slice: state.point[plane.axis] }) : null;
  const at = voxel ?? (state.crosshair ? state.point : null);
  const read = at && (!small || voxel);
  const over = read && overlay ? overlays.valueAt(at) : "";
  const banner = geometry.banner ?? [];
  return {
    banner: small ? [geometry.identity ?? banner[0]] : banner,
    series: [
      small ? "" : geometry.label,
      small || banner.includes(geometry.facts) ? "" : geometry.facts,
      overlay ? `${overlay.name}, ${Math.round(100 * overlays.opacity(state))} %` : "",
    ],
    place: [
      plane.name,
      placeText(geometry, plane, state.point),
      camera.zoom === 1 ? "" : `${camera.zoom.toFixed(camera.zoom < 10 ? 2 : 1)}×`,
    ],
    values: [
      over,
      read && volume ? valueAt(volume, geometry, at) : "",
      windowWords(state, geometry),
      small ? "" : [state.preset, isInverted(state, geometry) ? "Inverted" : ""].filter(Boolean).join(" · "),
    ],
  };
}

/** One sentence on the focused viewport: plane, slice, window, and the value at the cross-hair. */
export function spoken({ geometry, plane, state, volume }) {
  const place = plane.slices > 1 ? `${counted(geometry)} ${state.point[plane.axis] + 1} of ${plane.slices}` : "";
  const window = windowWords(state, geometry);
  const value = state.crosshair && volume ? valueAt(volume, geometry, state.point) : "";
  const turned = isInverted(state, geometry) ? "inverted" : "";
  const overlay = state.overlay.on ? "overlay shown" : "";
  return [plane.name, place, window, state.preset, value, turned, overlay].filter(Boolean).join(", ");
}
