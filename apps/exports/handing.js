// One button a file. A press asks the server for it, saves what comes, and says what became of it, in words.

const ENDED = "The server does not know this page any more, and nothing was exported. Reload this page.";
const GONE = "This report has changed since, and nothing was exported. Reload this page and export it anew.";
const LOST =
  "The server did not answer. Wait until this page is connected again: where the file was made all the same, it " +
  "stands under “Exported before”. If it does not, press again.";
const BUSY = "The server could not make the file now. Wait a moment and press again.";

const script = document.querySelector('script[type="module"][src*="static/js/"]');
const base = script ? new URL("../../", script.src) : new URL(".", document.baseURI);
const shown = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let list = shown.get(parentElement);
  if (!list) {
    list = Object.assign(document.createElement("div"), { className: "files" });
    list.rows = new Map();
    parentElement.append(list);
    shown.set(parentElement, list);
  }
  for (const file of data.files) {
    if (!list.rows.has(file.title)) list.rows.set(file.title, new Row(list));
    list.rows.get(file.title).become(file, data.token, setTriggerValue);
  }
  for (const [title, row] of list.rows) {
    if (!data.files.some((file) => file.title === title)) {
      row.element.remove();
      list.rows.delete(title);
    }
  }
}

class Row {
  constructor(list) {
    this.button = Object.assign(document.createElement("button"), { type: "button" });
    this.said = document.createElement("p");
    this.said.setAttribute("role", "status");
    this.element = document.createElement("div");
    this.element.append(this.button, this.said);
    list.append(this.element);
    this.button.addEventListener("click", () => this.press());
  }

  become(file, token, tell) {
    Object.assign(this, { file, token, tell });
    this.button.textContent = file.title;
  }

  async press() {
    if (this.working) return; // once a press: each file that is made is recorded
    this.working = true;
    this.button.setAttribute("aria-disabled", "true");
    this.said.textContent = "The file is being made.";
    const { file, token } = this;
    try {
      await this.take(file, token);
    } catch {
      this.said.textContent = LOST;
    } finally {
      this.working = false;
      this.button.removeAttribute("aria-disabled");
    }
  }

  async take(file, token) {
    const headers = { Authorization: `Bearer ${token}` };
    const answer = await fetch(new URL(file.url, base), { method: "POST", headers, cache: "no-store" });
    if (answer.ok) {
      this.save(file, await answer.blob());
      this.tell("taken", file.name);
    } else if (answer.status === 422) {
      this.said.textContent = (await answer.json()).why.join(" ");
    } else {
      this.said.textContent = { 401: ENDED, 403: ENDED, 404: ENDED, 410: GONE }[answer.status] ?? BUSY;
    }
  }

  /** Where a browser asks before it saves a second file, or loses it, the very same one is still there to be taken. */
  save(file, content) {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = URL.createObjectURL(content);
    const link = Object.assign(document.createElement("a"), {
      href: this.address,
      download: file.name,
      textContent: "Save it once more",
    });
    this.said.replaceChildren(`Saved as ${file.name}. `, link);
    link.click();
  }
}
