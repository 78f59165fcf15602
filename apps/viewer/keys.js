// The keyboard: one list, from which the keys work and from which the help is written.

export const PAGE = 10;

const entry = (keys, written, words, action) => ({ keys, written, words, action });

/** Groups of [keys as the browser names them, as they are written, what they do, the action or actions by key]. */
export const GROUPS = [
  {
    name: "Slices",
    entries: [
      entry(["ArrowDown", "ArrowRight"], "↓ →", "Next slice", { type: "scroll", by: 1 }),
      entry(["ArrowUp", "ArrowLeft"], "↑ ←", "Previous slice", { type: "scroll", by: -1 }),
      entry(["PageDown"], "Page ↓", `${PAGE} slices on`, { type: "scroll", by: PAGE }),
      entry(["PageUp"], "Page ↑", `${PAGE} slices back`, { type: "scroll", by: -PAGE }),
      entry(["Home"], "Home", "First slice", { type: "scroll", by: -Infinity }),
      entry(["End"], "End", "Last slice", { type: "scroll", by: Infinity }),
      entry(["j"], "J", "Slice with the most weight", { type: "jump" }),
    ],
  },
  {
    name: "Window",
    entries: [
      entry(["1", "2", "3", "4", "5", "6", "7", "8", "9"], "1 … 9", "Preset", { type: "preset" }),
      entry(["]"], "]", "Wider", { type: "widen", by: 1 }),
      entry(["["], "[", "Narrower", { type: "widen", by: -1 }),
      entry(["."], ".", "Higher level", { type: "raise", by: 1 }),
      entry([","], ",", "Lower level", { type: "raise", by: -1 }),
      entry(["i"], "I", "Invert", { type: "invert" }),
    ],
  },
  {
    name: "Zoom and place",
    entries: [
      entry(["+", "="], "+", "Larger", { type: "zoom", factor: 1.25 }),
      entry(["-", "_"], "−", "Smaller", { type: "zoom", factor: 0.8 }),
      entry(["shift+ArrowLeft"], "Shift ←", "Move left", { type: "pan", x: -40, y: 0 }),
      entry(["shift+ArrowRight"], "Shift →", "Move right", { type: "pan", x: 40, y: 0 }),
      entry(["shift+ArrowUp"], "Shift ↑", "Move up", { type: "pan", x: 0, y: -40 }),
      entry(["shift+ArrowDown"], "Shift ↓", "Move down", { type: "pan", x: 0, y: 40 }),
      entry(["f"], "F", "Fit", { type: "fit" }),
      entry(["0"], "0", "One pixel for one", { type: "actual" }),
      entry(["l"], "L", "Smooth or square pixels", { type: "smooth" }),
    ],
  },
  {
    name: "Planes and cross-hair",
    entries: [
      entry(["m"], "M", "One plane or three", { type: "layout" }),
      entry(["v"], "V", "Next plane", { type: "plane" }),
      entry(["x"], "X", "Cross-hair", { type: "crosshair" }),
      entry(["w"], "W", "Cross-hair up", { type: "move", down: -1, right: 0 }),
      entry(["s"], "S", "Cross-hair down", { type: "move", down: 1, right: 0 }),
      entry(["a"], "A", "Cross-hair left", { type: "move", down: 0, right: -1 }),
      entry(["d"], "D", "Cross-hair right", { type: "move", down: 0, right: 1 }),
      entry(["shift+w"], "Shift W", `${PAGE} up`, { type: "move", down: -PAGE, right: 0 }),
      entry(["shift+s"], "Shift S", `${PAGE} down`, { type: "move", down: PAGE, right: 0 }),
      entry(["shift+a"], "Shift A", `${PAGE} to the left`, { type: "move", down: 0, right: -PAGE }),
      entry(["shift+d"], "Shift D", `${PAGE} to the right`, { type: "move", down: 0, right: PAGE }),
    ],
  },
  {
    name: "Ruler",
    entries: [
      entry(["r"], "R", "Begin or end at the cross-hair", { type: "mark" }),
      entry(["Backspace", "Delete"], "Backspace", "Take the last one away", { type: "unmark" }),
    ],
  },
  {
    name: "Overlay",
    needs: "overlays",
    entries: [
      entry(["h"], "H", "Show or hide", { type: "overlay" }),
      entry(["o"], "O", "More opaque", { type: "opacity", by: 0.1 }),
      entry(["shift+o"], "Shift O", "Less opaque", { type: "opacity", by: -0.1 }),
      entry(["shift+h"], "Shift H", "Next overlay", { type: "nextOverlay" }),
    ],
  },
  {
    name: "Study",
    entries: [
      entry(["n"], "N", "Next series", { type: "series", by: 1 }),
      entry(["shift+n"], "Shift N", "Previous series", { type: "series", by: -1 }),
      entry(["?"], "?", "These keys", { type: "help" }),
      entry(["Escape"], "Esc", "Close, or give up what was begun", { type: "escape" }),
    ],
  },
];

/** With the mouse, for the help. */
export const MOUSE = [
  ["Wheel", "Slices; zoom where there is one"],
  ["Drag", "The chosen tool: window at first"],
  ["Shift and drag, middle button", "Move the picture"],
  ["Right button and drag, Ctrl and wheel", "Zoom"],
  ["Click", "Cross-hair; the other planes follow"],
  ["Double click", "Fit"],
];

const ACTIONS = new Map(
  GROUPS.flatMap(({ entries }) => entries).flatMap(({ keys, action }) =>
    keys.map((key) => [key, action.type === "preset" ? { ...action, key } : action]),
  ),
);

/** What a key does; null where it does nothing here, so that the browser and the page keep their own. */
export function actionFor({ key, shiftKey = false, ctrlKey = false, altKey = false, metaKey = false }) {
  if (ctrlKey || altKey || metaKey) return null;
  const plain = key.length === 1 ? key.toLowerCase() : key;
  const shifted = shiftKey && (/^[a-z]$/.test(plain) || plain.startsWith("Arrow"));
  return ACTIONS.get(shifted ? `shift+${plain}` : plain) ?? null;
}
