// The modules under test and the fixtures that Python wrote for them.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const VIEWER = new URL("../../../apps/viewer/", import.meta.url);

export const viewer = (name) => import(new URL(name, VIEWER));

export const fixtures = () => JSON.parse(readFileSync(process.env.MEDTRANSFER_FIXTURES, "utf8"));

export const beside = (name) => JSON.parse(readFileSync(fileURLToPath(new URL(name, import.meta.url)), "utf8"));

/** A volume as `loading.js` makes it, of which everything has arrived. */
export function whole(data, shape, channels = 1) {
  return { data, shape, channels, arrived: new Uint8Array(shape[0]).fill(1), count: shape[0], complete: true };
}

export const close = (one, other, by = 1e-9) => Math.abs(one - other) <= by * Math.max(1, Math.abs(other));
