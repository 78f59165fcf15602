// The order in which slices travel: the middle one first, then outwards, so that a reader sees the body at once.
//
//     m, m+1, m−1, m+2, m−2, …   with m = ⌊n/2⌋, those outside 0 … n−1 left out
//
// The server sends in this order (`medtransfer`, viewing.py); a test holds the two against each other.

export function middleFirst(n) {
  const order = [];
  const middle = Math.floor(n / 2);
  if (n > 0) order.push(middle);
  for (let step = 1; order.length < n; step += 1) {
    if (middle + step < n) order.push(middle + step);
    if (middle - step >= 0) order.push(middle - step);
  }
  return order;
}
