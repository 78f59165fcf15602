// What stands at the edges of a picture, in letters and in words.
//
// The server says for each voxel axis what its two ends point to ("" where nobody knows; two or three letters, the
// nearest first, where the axis is oblique). Turning an axis over swaps its ends, nothing else.

const WORDS = { R: "right", L: "left", A: "anterior", P: "posterior", H: "head", F: "feet" };

const PLANES = { H: "Axial", F: "Axial", A: "Coronal", P: "Coronal", R: "Sagittal", L: "Sagittal" };

/** Letters at the four edges of a plane: rows run downwards, columns to the right. */
export function edges(letters, { down, right, flipDown, flipRight }) {
  const [top, bottom] = turned(letters?.[down], flipDown);
  const [left, rightmost] = turned(letters?.[right], flipRight);
  return { top, right: rightmost, bottom, left };
}

function turned(ends, flip) {
  const [first, last] = ends ?? ["", ""];
  return flip ? [last, first] : [first, last];
}

/** The plane whose slices follow each other along this axis; "" where nobody knows. */
export function planeName(ends) {
  const towards = ends?.[1] ?? "";
  const name = PLANES[towards[0]] ?? "";
  return name && towards.length > 1 ? `${name} oblique` : name;
}

/** "LA" in words: left, anterior. */
export function inWords(letters) {
  return [...letters].map((letter) => WORDS[letter] ?? letter).join(", ");
}
