// As tall as the window allows, and what stands beside it likewise: the picture stays in sight while its reader writes.

const LEAST = 420; // CSS pixels: in a lower window the page scrolls
const BELOW = 24; // CSS pixels that stay free at the foot of the page

export class Fit {
  constructor(root) {
    this.root = root;
    this.again = () => this.fit();
    addEventListener("resize", this.again);
  }

  /** `height` in CSS pixels, 0: what the window allows; `beside`: class of the element that is no taller, and scrolls. */
  lay({ height, beside }) {
    this.height = height;
    const neighbour = beside ? document.querySelector(`.${CSS.escape(beside)}`) : null;
    if (neighbour !== this.neighbour) {
      this.free();
      this.neighbour = neighbour;
      if (neighbour) neighbour.scrollTop = 0; // another study is read from its beginning
    }
    this.fit();
  }

  fit() {
    const { root, neighbour } = this;
    if (this.height) {
      root.style.height = `${this.height}px`;
      return;
    }
    const place = root.getBoundingClientRect();
    const top = place.top + scrolled(root);
    root.style.height = `${Math.max(LEAST, Math.floor(innerHeight - top - BELOW))}px`;
    if (!neighbour) return;
    const apart = neighbour.getBoundingClientRect().left >= place.right; // not below it, as in a narrow window
    Object.assign(neighbour.style, apart ? { ...SCROLLS, maxHeight: root.style.height } : STANDS);
  }

  free() {
    if (this.neighbour) Object.assign(this.neighbour.style, STANDS);
  }

  close() {
    removeEventListener("resize", this.again);
    this.free();
  }
}

const SCROLLS = { overflowY: "auto", scrollbarWidth: "thin", scrollbarGutter: "stable", paddingRight: "8px" };
const STANDS = { maxHeight: "", overflowY: "", scrollbarWidth: "", scrollbarGutter: "", paddingRight: "" };

/** How far the page around has been scrolled, whichever element of it scrolls. */
function scrolled(element) {
  let sum = 0;
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) sum += at.scrollTop;
  return sum;
}
