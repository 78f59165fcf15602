"""The plots of a search, each as one inline `<svg>`: what each key did, and the trade-off between hospitals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from medtransfer.core.config.tuning import TRADE_OFF, Choices, Dimension
from medtransfer.core.tuning_results import Trial, Tuning
from medtransfer.reporting.plots import SIZE
from medtransfer.reporting.svg import FIRST, INK, MUTED, SECOND, SURFACE, Drawn, drawing, inline
from medtransfer.reporting.tuning_words import key_words, value_words
from medtransfer.reporting.words import has_interval, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 3.4
_BOX: Final = (0.15, 0.16, 0.81, 0.78)
_NAME: Final = (0.16, 0.06)
"""Width and height of a point's name, as shares of the plot."""

_WHISKER: Final[dict[str, Any]] = {"linewidth": 1.2, "solid_capstyle": "butt", "alpha": 0.55, "zorder": 2}


def key_plot(tuning: Tuning, dimension: Dimension, *, name: str) -> Drawn:
    """Held-out log-loss of every finished trial against one key's value, with a standard error to either side.

    Args:
        tuning: The search.
        dimension: The key.
        name: Prefix of ids, unique on the page.
    """
    shown = [t for t in tuning.trials if t.state == "complete" and dimension.key in t.settings]
    places = _places(dimension, shown)
    names = {"the-key": key_words(dimension.key)}
    with drawing(SIZE, HEIGHT) as canvas:
        axes = canvas.add_axes(_BOX)
        for trial, x in zip(shown, places, strict=True):
            error, colour = trial.standard_error or 0.0, SECOND if trial.number == tuning.chosen else FIRST
            axes.plot([x, x], [trial.loss - error, trial.loss + error], color=colour, **_WHISKER)
            _dot(axes, x, trial.loss, colour)
        axes.axhline(tuning.threshold, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        names |= _scale(axes, dimension)
        axes.set_xlabel("the-key")
        axes.set_ylabel("Held-out log-loss")
        described = (
            f"Log-loss against {key_words(dimension.key)} in {len(shown)} trials; dashed: {number(tuning.threshold)}, "
            "one standard error above the lowest"
        )
        return inline(canvas, name=name, described=described, names=names)


def trade_off_plot(tuning: Tuning) -> Drawn:
    """Target against source log-loss with intervals; the front is drawn as the staircase that no trial is below."""
    shown = [t for t in tuning.trials if t.log_loss is not None and t.source_log_loss is not None]
    with drawing(SIZE, SIZE) as canvas:
        axes = canvas.add_axes((0.15, 0.12, 0.81, 0.84))
        _staircase(axes, [_point(tuning.trial(one)) for one in tuning.front])
        axes.margins(0.1)
        for trial in shown:
            x, y = _point(trial)
            on_front = trial.number in tuning.front
            colour = SECOND if trial.number == tuning.chosen else FIRST if on_front else MUTED
            if on_front:
                _cross(axes, trial, colour)
            _dot(axes, x, y, colour, small=not on_front and trial.number != tuning.chosen)
        chosen_first = sorted(tuning.front, key=lambda one: one != tuning.chosen)
        _name_points(axes, [tuning.trial(one) for one in chosen_first])
        axes.set_xlabel("Log-loss on held-out source patients")
        axes.set_ylabel("Log-loss on held-out target patients")
        described = f"Source against target log-loss of {len(shown)} trials, {len(tuning.front)} of them on the front"
        return inline(canvas, name="trade-off", described=described)


def _point(trial: Trial) -> tuple[float, float]:
    source = None if trial.source_log_loss is None else trial.source_log_loss.value
    return (float("nan") if source is None else source), trial.loss


def _staircase(axes: Axes, front: Sequence[tuple[float, float]]) -> None:
    if len(front) > 1:
        x, y = zip(*front, strict=True)
        axes.step(x, y, where="post", color=FIRST, linewidth=1.2, alpha=0.6, zorder=1)


def _cross(axes: Axes, trial: Trial, colour: str) -> None:
    """Both intervals of a trial."""
    x, y = _point(trial)
    target, source = trial.log_loss, trial.source_log_loss
    if source is not None and has_interval(source):
        axes.plot([source.low or 0.0, source.high or 0.0], [y, y], color=colour, **_WHISKER)
    if target is not None and has_interval(target):
        axes.plot([x, x], [target.low or 0.0, target.high or 0.0], color=colour, **_WHISKER)


def _name_points(axes: Axes, trials: Sequence[Trial]) -> None:
    """λ where that is searched, otherwise the trial's number; left out where it would cover a name before it."""
    named: list[np.ndarray] = []
    for trial in trials:
        x, y = _point(trial)
        place = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
        if any(abs(place[0] - other[0]) < _NAME[0] and abs(place[1] - other[1]) < _NAME[1] for other in named):
            continue
        named.append(place)
        trade_off = trial.settings.get(TRADE_OFF)
        said = f"#{trial.number}" if trade_off is None else f"λ = {value_words(trade_off, 2)}"
        axes.annotate(said, (x, y), xytext=(5, 5), textcoords="offset points", fontsize=9, color=INK)


def _dot(axes: Axes, x: float, y: float, colour: str, *, small: bool = False) -> None:
    axes.plot(
        [x],
        [y],
        marker="o",
        markersize=4.5 if small else 7,
        markerfacecolor=colour,
        markeredgecolor=SURFACE,
        markeredgewidth=0.9,
        linestyle="none",
        zorder=4 if colour == SECOND else 3,
    )


def _places(dimension: Dimension, trials: Sequence[Trial]) -> list[float]:
    """Where each trial stands along the axis; trials with one value stand side by side."""
    values = [trial.settings[dimension.key] for trial in trials]
    if not isinstance(dimension, Choices):
        numbers = [float(value) for value in values]
        return [_share(value) for value in numbers] if dimension.key == TRADE_OFF else numbers
    place = [dimension.values.index(value) for value in values]
    together = [place[:i].count(p) for i, p in enumerate(place)]
    of = [place.count(p) for p in place]
    return [p + min(0.09, 0.7 / n) * (i - (n - 1) / 2) for p, i, n in zip(place, together, of, strict=True)]


def _scale(axes: Axes, dimension: Dimension) -> dict[str, str]:
    """Ticks of the axis; returns the stand-ins that were drawn for words."""
    if isinstance(dimension, Choices):
        axes.set_xticks(range(len(dimension.values)), [f"value-{i}" for i in range(len(dimension.values))])
        axes.set_xlim(-0.5, len(dimension.values) - 0.5)
        axes.grid(visible=False, axis="x")
        return {f"value-{i}": value_words(value, 2) for i, value in enumerate(dimension.values)}
    if dimension.key == TRADE_OFF:
        shares = np.linspace(_share(dimension.low), _share(dimension.high), 5)
        said = [value_words(float("inf") if share == 1 else share / (1 - share), 2) for share in shares.tolist()]
        axes.set_xticks(shares.tolist(), said)
    elif dimension.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: value_words(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    return {}


def _share(trade_off: float) -> float:
    return 1.0 if np.isinf(trade_off) else trade_off / (1 + trade_off)
