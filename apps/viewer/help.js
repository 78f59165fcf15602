// The list of keys, written from the very table that they work by.

import { make } from "./elements.js";
import { GROUPS, MOUSE } from "./keys.js";

export function helpOf(onClose) {
  const close = make("button", { type: "button", className: "close", textContent: "Close (Esc)" });
  const rows = (entries) => entries.map(({ written, words }) => [written, words]);
  const groups = GROUPS.map(({ name, entries }) => group(name, rows(entries)));
  const dialog = make(
    "dialog",
    { className: "help", "aria-label": "Keys of the viewer" },
    make("header", {}, make("h2", { textContent: "Keys" }), close),
    make("div", { className: "groups" }, ...groups, group("Mouse", MOUSE, "mouse")),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", onClose);
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "?") dialog.close();
  });
  return dialog;
}

function group(name, pairs, className = "") {
  const rows = pairs.flatMap(([keys, words]) => [
    make("dt", {}, make("kbd", { textContent: keys })),
    make("dd", { textContent: words }),
  ]);
  return make("section", { className }, make("h3", { textContent: name }), make("dl", {}, ...rows));
}
