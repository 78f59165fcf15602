"""The words of the charts on a page, each against what is painted behind it: axe does not look into drawings.

Measured in the browser, where the charts are SVG: the fill of every visible text, and behind its left end, its middle
and its right end all filled marks that are painted before it, on the page. Lines that cross a word are left out of
account, and so is what stands in a picture file.
"""

from __future__ import annotations

from typing import Any, Final

LEAST: Final = 4.5

_MEASURE: Final = """
() => {
  const colour = (said) => {
    const [r, g, b, a = 1] = (said.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    return { rgb: [r, g, b], a };
  };
  const over = (top, rgb) => rgb.map((under, i) => top.a * top.rgb[i] + (1 - top.a) * under);
  const luminance = (rgb) => rgb
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const opacity = (element, stop) => {
    let all = 1;
    for (let at = element; at && at !== stop; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  };
  const paint = (element, stop) => {
    const style = getComputedStyle(element);
    if (style.fill === "none") return { rgb: [0, 0, 0], a: 0 };
    const { rgb, a } = colour(style.fill);
    return { rgb, a: a * Number(style.fillOpacity) * opacity(element, stop) };
  };
  const page = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(colour(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((rgb, layer) => over(layer, rgb), [255, 255, 255]);
  };
  return [...document.querySelectorAll("[data-testid=stVegaLiteChart]")].flatMap((chart) => {
    const drawing = chart.querySelector("svg");
    if (!drawing || chart.querySelector("canvas")) return [{ words: "a chart that is no SVG", contrast: 0 }];
    const marks = [...drawing.querySelectorAll("path, rect, circle")];
    return [...drawing.querySelectorAll("text")].filter((text) => text.textContent.trim()).map((text) => {
      const box = text.getBoundingClientRect();
      const before = marks.filter((mark) => mark.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING);
      const worst = [0.02, 0.5, 0.98].map((share) => {
        const behind = before.reduce((rgb, mark) => {
          const at = new DOMPoint(box.x + share * box.width, box.y + box.height / 2)
            .matrixTransform(mark.getScreenCTM().inverse());
          return mark.isPointInFill(at) ? over(paint(mark, chart), rgb) : rgb;
        }, page(chart));
        return contrast(over(paint(text, chart), behind), behind);
      });
      return { words: text.textContent, contrast: Math.min(...worst) };
    });
  });
}
"""


def chart_words(page: Any) -> dict[str, float]:
    """Every word of every chart on the page with its contrast, the least where it stands there repeatedly."""
    found: dict[str, float] = {}
    for one in page.evaluate(_MEASURE):
        found[one["words"]] = min(one["contrast"], found.get(one["words"], 21.0))
    return found


def faint_words(page: Any) -> list[str]:
    """Those that cannot be read against what is behind them, as WCAG 2 AA counts."""
    return [f"{words}: {contrast:.2f} : 1" for words, contrast in chart_words(page).items() if contrast < LEAST]
