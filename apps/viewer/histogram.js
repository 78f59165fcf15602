// How often each stored value occurs in what has arrived: the full range and percentiles come from it, exactly.

import { entries, storedAt } from "./window.js";

export function emptyHistogram(type) {
  return { type, counts: new Float64Array(entries(type)), total: 0 };
}

/** Count the values of one more slice; padding is no part of the patient and is left out. */
export function count(histogram, values, padding = null) {
  const { counts, type } = histogram;
  const mask = counts.length - 1;
  for (let i = 0; i < values.length; i += 1) counts[values[i] & mask] += 1;
  histogram.total += values.length;
  if (!padding) return;
  for (let stored = padding[0]; stored <= padding[1]; stored += 1) {
    const entry = stored & mask;
    if (storedAt(entry, type) !== stored) continue;
    histogram.total -= counts[entry];
    counts[entry] = 0;
  }
}

/** The smallest stored value that at least this share of all values does not exceed; null where nothing was counted. */
export function quantile(histogram, share) {
  const { counts, total, type } = histogram;
  if (total === 0) return null;
  const wanted = Math.max(share * total, 1);
  const size = counts.length;
  const first = type === "int16" ? size / 2 : 0; // the most negative number comes first
  let seen = 0;
  for (let i = 0; i < size; i += 1) {
    const entry = (first + i) % size;
    seen += counts[entry];
    if (seen >= wanted) return storedAt(entry, type);
  }
  return null;
}
