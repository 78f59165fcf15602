// Zoom and pan: where a plane's pixels stand on the screen.
//
// A camera is {zoom, x, y}: zoom 1 fits the plane into its viewport; x and y are the millimetres (pixels, where no
// spacing is known) by which the middle of the viewport lies right of and below the middle of the plane.

export const FITTED = Object.freeze({ zoom: 1, x: 0, y: 0 });

const LEAST = 0.2;
const MOST = 40;

/** CSS pixels a millimetre at zoom 1. */
export function fitScale(plane, { width, height }) {
  return Math.min(width / (plane.columns * plane.stepRight), height / (plane.rows * plane.stepDown));
}

/** Where the picture stands: its left upper corner and the size of one of its pixels, in CSS pixels. */
export function placed(plane, size, camera) {
  const scale = fitScale(plane, size) * camera.zoom;
  return {
    scale,
    scaleX: scale * plane.stepRight,
    scaleY: scale * plane.stepDown,
    left: size.width / 2 - ((plane.columns * plane.stepRight) / 2 + camera.x) * scale,
    top: size.height / 2 - ((plane.rows * plane.stepDown) / 2 + camera.y) * scale,
  };
}

/** A point of the plane, its pixels' centres at whole numbers, on the screen. */
export function toScreen({ left, top, scaleX, scaleY }, { down, right }) {
  return { x: left + (right + 0.5) * scaleX, y: top + (down + 0.5) * scaleY };
}

export function fromScreen({ left, top, scaleX, scaleY }, { x, y }) {
  return { down: (y - top) / scaleY - 0.5, right: (x - left) / scaleX - 0.5 };
}

/** Zoom so that what lies at {x, y} from the middle of the viewport (CSS pixels) stays where it is. */
export function zoomed(camera, factor, { x = 0, y = 0, fit = 1 } = {}) {
  const zoom = Math.min(Math.max(camera.zoom * factor, LEAST), MOST);
  const move = (1 / camera.zoom - 1 / zoom) / fit;
  return { zoom, x: camera.x + x * move, y: camera.y + y * move };
}

/** Move the picture by so many CSS pixels; its middle never leaves the plane, so that it cannot be lost. */
export function panned(camera, plane, { x, y, fit = 1 }) {
  const limit = (value, length) => Math.min(Math.max(value, -length / 2), length / 2);
  const scale = fit * camera.zoom;
  return {
    zoom: camera.zoom,
    x: limit(camera.x - x / scale, plane.columns * plane.stepRight),
    y: limit(camera.y - y / scale, plane.rows * plane.stepDown),
  };
}

/** The zoom at which one pixel of the image is one pixel of the screen. */
export function actualZoom(plane, size, ratio = 1) {
  return 1 / (fitScale(plane, size) * plane.stepRight * ratio);
}
