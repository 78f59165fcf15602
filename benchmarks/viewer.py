"""The viewer in a browser without a GPU: how long until the first picture, and from a movement to its picture.

A CT of 300 slices of 512² (157 MB of int16) with a coarser heat map, in headless Chromium, WebGL off. The server is a
page of its own with the routes of the app, on this machine. Times are taken in the page:

1. *First picture*: from the start of loading the page to the frame that shows the middle slice. Reach: 1 s.
2. *Scrolling*, one slice a wheel event: from the event to the end of the frame that shows it. Reach: p95 50 ms.
3. *Windowing*, a drag by a few pixels: the same. Reach: p95 33 ms. With three planes, one plane, and heat map.
4. *Opening*, in the app itself (`viewer_opening.py`): from Enter in the worklist to the frame that shows the middle
   slice of a study of 300 DICOM files; the server's part and the viewer's apart. Reach of the viewer's part: 1 s.

While a window is dragged over three planes, the other two follow once the hand rests. A frame begins at most 17 ms
after the event, which is part of these times. `processor` is the time that the page's main thread computes for one
movement, which other work on the machine does not lengthen; both stand in the results.

    python benchmarks/viewer.py
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

HOME = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HOME), str(HOME / "tests")]

from viewer_opening import openings  # noqa: E402
from viewer_pages import Pages, Serving  # noqa: E402
from viewer_phantom import chest, geometry, lesion_map  # noqa: E402

SLICES, SIZE = 300, 512
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-3d-apis"]
REACH = {"first picture": 1000, "scroll": 50, "window": 33, "opening, viewer": 1000}

FIRST = """() => new Promise((done) => {
  const look = () => {
    if (document.querySelector('.viewer[data-drawn="yes"]')) done(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})"""

MOVE = """async ([kind, times]) => {
  const canvas = document.querySelector(".port:not([hidden]) canvas[role=application]");
  const box = canvas.getBoundingClientRect();
  const channel = new MessageChannel();
  const painted = () => new Promise((done) => {
    requestAnimationFrame(() => {
      channel.port1.onmessage = () => done(performance.now());
      channel.port2.postMessage(0);
    });
  });
  const at = (dx, dy) => ({ bubbles: true, pointerId: 1, clientX: box.x + 200 + dx, clientY: box.y + 200 + dy });
  const fire = (name, dx, dy) => canvas.dispatchEvent(new PointerEvent(name, { ...at(dx, dy), buttons: 1 }));
  canvas.setPointerCapture = () => {};
  if (kind === "window") fire("pointerdown", 0, 0);
  const latency = [];
  for (let i = 0; i < times; i += 1) {
    await new Promise((done) => setTimeout(done, 7 + (i * 13) % 23));
    const start = performance.now();
    if (kind === "scroll") {
      const deltaY = i % 120 < 60 ? 40 : -40;
      canvas.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, deltaY }));
    } else {
      fire("pointermove", 10 + (i * 7) % 90, 10 + (i * 5) % 60);
    }
    latency.push(await painted() - start);
  }
  if (kind === "window") fire("pointerup", 10, 10);
  return latency;
}"""


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--times", type=int, default=200, help="movements of each kind")
    words.add_argument("--visits", type=int, default=5, help="pages opened for the first picture")
    words.add_argument("--out", type=Path, default=Path("benchmarks/results/viewer.json"))
    arguments = words.parse_args()
    pages = prepared()
    serving = Serving(pages)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            result = measured(browser, pages.url, arguments.times, arguments.visits)
            result["opening"] = opened(browser, pages.voxels["chest"], arguments.visits)
            result["rows"]["opening, viewer"] = result["opening"]["viewer"]
            result["machine"] = {
                "cores": os.cpu_count(),
                "load": round(os.getloadavg()[0], 1),
                "chromium": browser.version,
                "python": platform.python_version(),
            }
            browser.close()
    finally:
        serving.stop()
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, row in result["rows"].items():
        reach = reach_of(name)
        spent = f"   processor {row['processor']:5.1f} ms" if "processor" in row else ""
        print(f"{name:34} median {row['median']:6.1f} ms   p95 {row['p95']:6.1f} ms   reach {reach} ms{spent}")
    for name, row in result["opening"].items():
        print(f"opening in the app: {name:14} {row}")
    return 0 if all(row["p95"] < reach_of(name) for name, row in result["rows"].items()) else 1


def reach_of(name: str) -> int:
    """Of a row; all cases of one kind have the same."""
    return REACH.get(name) or REACH[name.split(",", maxsplit=1)[0]]


def opened(browser: Any, voxels: Any, visits: int) -> dict[str, dict[str, float]]:
    """Parts of an opening; `first` is of a server that has just started."""
    found = openings(browser, voxels, visits)
    return {name: summary(values) | {"first": round(values[0], 1)} for name, values in found.items()}


def prepared() -> Pages:
    """The CT, its heat map, and what the viewer is told about both."""
    voxels = chest(SLICES, SIZE)
    heat = lesion_map((75, 128, 128))
    finer = np.diag([4.0, 4.0, 4.0, 1.0])
    finer[:3, 3] = 1.5
    image = geometry(voxels, spacing=(1.0, 0.7, 0.7))
    overlay = {
        "name": "Heat map",
        "url": "medtransfer/voxels/heat",
        "token": "right",
        "shape": list(heat.shape),
        "type": "uint8",
        "affine": (np.array(image["affine"]) @ finer).tolist(),
        "opacity": 0.6,
        "slope": 1 / 255,
        "intercept": 0.0,
    }
    series = [image | {"overlays": [overlay]}]
    return Pages(voxels={"chest": voxels, "heat": heat}, data={"series": series, "theme": "dark", "height": 860})


def measured(browser: Any, url: str, times: int, visits: int) -> dict[str, Any]:
    """Every row: median and 95th percentile in milliseconds."""
    rows: dict[str, dict[str, float]] = {}
    first, whole = [], []
    pages: list[Page] = []
    for _ in range(visits):
        page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
        for before in pages:
            before.close()
        pages = [page]
        page.goto(url, wait_until="commit")
        page.wait_for_function("() => document.body !== null")
        first.append(page.evaluate(FIRST))
        page.wait_for_selector('.viewer[data-whole="yes"]', timeout=60_000)
        whole.append(page.evaluate("performance.now()"))
    page = pages[0]
    rows["first picture"] = summary(first)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for case, keys in (("three planes", ""), ("three planes and heat map", "h"), ("one plane", "hm")):
        page.locator("canvas[role=application]").first.focus()
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(1500)
        for kind in ("scroll", "window"):
            before = processor(session)
            latency = page.evaluate(MOVE, [kind, times])
            spent = 1000 * (processor(session) - before) / times
            rows[f"{kind}, {case}"] = summary(latency) | {"processor": round(spent, 1)}
    return {
        "volume": {"shape": [SLICES, SIZE, SIZE], "type": "int16", "megabytes": round(SLICES * SIZE * SIZE * 2 / 1e6)},
        "unit": "milliseconds",
        "times": times,
        "visits": visits,
        "everything received": summary(whole),
        "rows": rows,
    }


def processor(session: Any) -> float:
    """Seconds that the page's main thread has computed."""
    found = {row["name"]: row["value"] for row in session.send("Performance.getMetrics")["metrics"]}
    return found["TaskDuration"]


def summary(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "p95": round(float(np.quantile(values, 0.95)), 1),
        "worst": round(max(values), 1),
    }


if __name__ == "__main__":
    raise SystemExit(main())
