// Small parts of the page. Text is set as text: what comes from files is never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties, attributes (dashed or "role") and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Change a text only where it differs: selections stay, and nothing is laid out anew for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for a text of parts, "one · other": a line breaks between them, and within one only where it must. */
export function sayParts(element, text) {
  if (element.textContent === text) return;
  const parts = text.split(" · ").map((part) => make("span", { textContent: part }));
  element.replaceChildren(...parts.flatMap((part, i) => (i ? [" · ", part] : [part])));
}

/** The same for a property, and for an attribute: each that is set is styled and laid out anew, changed or not. */
export function put(element, name, value) {
  if (element[name] !== value) element[name] = value;
}

export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// Outlines on a grid of 20.
const OUTLINES = {
  window: "M10 3a7 7 0 1 0 0 14z M10 3a7 7 0 0 1 0 14",
  pan: "M10 2v16M2 10h16M10 2 7.5 4.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  zoom: "M8.5 3a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM12.6 12.6 17 17M6 8.5h5M8.5 6v5",
  ruler: "M2.5 13.5 13.5 2.5l4 4L6.5 17.5zM6 10l1.8 1.8M8.7 7.3l1.8 1.8M11.3 4.7l1.8 1.8",
  point: "M10 5.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10 2v5M10 13v5M2 10h5M13 10h5",
  lines: "M10 2.5v15M2.5 10h15",
  invert: "M3 3h14v14H3zM3 17 17 3M12 13.5h3",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  smooth: "M3 15c4 0 4-10 7-10s3 10 7 10",
  overlay: "M10 3 2.5 7 10 11l7.5-4zM3 10.5 10 14.5l7-4M3 13.8 10 17.8l7-4",
  one: "M3 4h14v12H3z",
  three: "M3 4h14v12H3zM11.5 4v12M11.5 10H17",
  keys: "M2 5.5h16v9H2zM5 8.5h.6M8 8.5h.6M11 8.5h.6M14 8.5h.6M6.5 11.5h7",
};

const FILLED = { window: "M10 3a7 7 0 1 0 0 14z", invert: "M3 17 17 3v14z" };

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("aria-hidden", "true");
  for (const [d, filled] of [[OUTLINES[name], false], [FILLED[name], true]]) {
    if (!d) continue;
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    if (filled) path.setAttribute("class", "filled");
    drawing.append(path);
  }
  return drawing;
}
