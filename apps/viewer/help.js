// The list of keys, written from the very table that they work by.

import { make, put } from "./elements.js";
import { GROUPS, MOUSE } from "./keys.js";

/** The dialog, and `open(has)`: keys of what the image does not have (`{overlays: false}`) are not listed. */
export class Help {
  constructor(onClose) {
    const close = make("button", { type: "button", className: "close", textContent: "Close (Esc)" });
    this.groups = GROUPS.map(({ name, entries, needs }) => {
      const pairs = entries.map(({ written, words }) => [written, words]);
      return { needs, element: group(name, pairs) };
    });
    this.element = make(
      "dialog",
      { className: "help", "aria-label": "Keys of the viewer" },
      make("header", {}, make("h2", { textContent: "Keys" }), close),
      make("div", { className: "groups" }, ...this.groups.map(({ element }) => element), group("Mouse", MOUSE, "mouse")),
    );
    close.addEventListener("click", () => this.element.close());
    this.element.addEventListener("close", onClose);
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "?") this.element.close();
    });
  }

  open(has) {
    for (const { needs, element } of this.groups) put(element, "hidden", Boolean(needs) && !has[needs]);
    this.element.showModal();
  }
}

function group(name, pairs, className = "") {
  const rows = pairs.flatMap(([keys, words]) => [
    make("dt", {}, make("kbd", { textContent: keys })),
    make("dd", { textContent: words }),
  ]);
  return make("section", { className }, make("h3", { textContent: name }), make("dl", {}, ...rows));
}
