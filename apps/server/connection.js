// Says in the page's own words that the server is gone, and takes it back once it is there again.
//
// Streamlit marks the state of its connection on the page. It is only listened to: nothing is asked of anybody, and
// nothing happens while all is well.

const WAIT = 1500; // ms: a short break of the network is no news
const LOST =
  "The connection to the server is lost. What was saved is safe, and what you typed stays in its field while this " +
  "page is open. Leave the page open and wait: it connects again by itself. If it does not within a few minutes, ask " +
  "whoever runs the server.";
const OVER =
  "The connection to the server is lost, and this page cannot connect again by itself. What was saved is safe. Note " +
  "down what you typed, then reload this page.";

const STATE = "data-test-connection-state";
const WELL = "CONNECTED";
const FOR_EVER = "DISCONNECTED_FOREVER";
const BEGINNING = "INITIAL";

const mounted = new WeakMap();

export default function ({ parentElement }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Watch(parentElement));
  return () => {
    mounted.get(parentElement)?.close();
    mounted.delete(parentElement);
  };
}

class Watch {
  constructor(parent) {
    this.place = document.createElement("div");
    this.said = Object.assign(document.createElement("p"), { hidden: true });
    this.said.setAttribute("role", "alert");
    this.place.append(this.said);
    parent.append(this.place);
    this.app = document.querySelector(`[${STATE}]`);
    this.states = new MutationObserver(() => this.changed());
    this.dialogs = new MutationObserver(hideDialog);
    this.follow = () => this.stay();
    if (this.app) this.states.observe(this.app, { attributes: true, attributeFilter: [STATE] });
    this.changed();
  }

  changed() {
    const state = this.app?.getAttribute(STATE) ?? WELL;
    const well = state === WELL || state === BEGINNING;
    if (well) return this.stop();
    if (!this.watching) {
      this.watching = true;
      this.dialogs.observe(document.body, { childList: true, subtree: true });
      hideDialog();
    }
    if (state === FOR_EVER) this.say(OVER);
    else this.timer ??= setTimeout(() => this.say(LOST), WAIT);
  }

  say(sentence) {
    this.said.textContent = sentence;
    this.said.hidden = false;
    addEventListener("scroll", this.follow, { capture: true, passive: true });
    this.refit();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.watching = false;
    this.dialogs.disconnect();
    if (this.said.hidden) return;
    this.said.hidden = true;
    this.said.textContent = "";
    removeEventListener("scroll", this.follow, { capture: true });
    this.refit();
  }

  /** The rest of the page has more room, or less: the viewer measures anew. */
  refit() {
    this.stay();
    requestAnimationFrame(() => dispatchEvent(new Event("resize")));
  }

  /** In its place above the screen; where that was scrolled away, at the upper edge of the window. */
  stay() {
    const { left, top, width } = this.place.getBoundingClientRect();
    const away = !this.said.hidden && top < 0;
    this.place.style.minHeight = away ? `${this.said.offsetHeight}px` : "";
    this.said.classList.toggle("away", away);
    Object.assign(this.said.style, away ? { left: `${left}px`, width: `${width}px` } : { left: "", width: "" });
  }

  close() {
    this.states.disconnect();
    this.stop();
  }
}

/** Streamlit's own dialog covers the pictures and asks whether one is "connected to the internet". */
function hideDialog() {
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (!dialog.textContent.includes("Connection error") || dialog.dataset.put) continue;
    dialog.dataset.put = "away";
    const outermost = dialog.closest("body > *") ?? dialog;
    if (!outermost.querySelector(`[${STATE}]`)) outermost.style.display = "none";
    else dialog.style.display = "none";
    dialog.querySelector('button[aria-label="Close"]')?.click();
  }
}
