// The strip under the slider: one weight a slice, and where the largest are.

/** Shares of the largest weight, one a slice; empty where there is nothing to show. */
export function shares(weights, slices) {
  if (!weights || weights.length !== slices || slices < 2) return [];
  const most = Math.max(...weights);
  if (!(most > 0)) return [];
  return weights.map((weight) => (Number.isFinite(weight) ? Math.max(weight, 0) / most : 0));
}

/** The slice with the most weight; -1 where there is none. */
export function peak(weights) {
  if (!weights || weights.length === 0) return -1;
  return weights.reduce((best, weight, i) => (weight > weights[best] ? i : best), 0);
}

/** The share of all weight that one slice has, in words: "12 % of the weight", "less than 1 %". */
export function weightText(weights, slice) {
  const total = weights.reduce((sum, weight) => sum + Math.max(weight, 0), 0);
  const share = total > 0 ? (100 * Math.max(weights[slice], 0)) / total : 0;
  return share < 1 ? "less than 1 % of the weight" : `${Math.round(share)} % of the weight`;
}

/** Where slice k stands on a strip of this width, whose ends are the middles of the slider's thumb. */
export function positionOf(slice, slices, width) {
  return slices > 1 ? (slice / (slices - 1)) * width : width / 2;
}

export function sliceAt(x, slices, width) {
  return Math.min(Math.max(Math.round((x / Math.max(width, 1)) * (slices - 1)), 0), slices - 1);
}
