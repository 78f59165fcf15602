"""What a policy may say beside its rates.

A policy is a module with a function `groups`, and with any of the other functions below. All are called with the
plan's settings by keyword: `groups` names every one of them (they are checked against it), the others those they use.

    groups(model, progress, *, …) -> dict[str, float]    rate of each group relative to the learning rate; 0 freezes
    idle(epochs, *, …) -> str                            a sentence where settings do nothing in a run of that length
    prepare(model, *, …) -> None                         change the network before the optimiser is made (adapters)
    copies(model, *, …) -> dict[str, str]                name of each parameter that `prepare` has copied from another →
                                                         that one's name: both begin at its pretrained values
    movable(model, *, …) -> Movable                      which parameters of the groups may move at all; default: all
    schedule(progress, *, …) -> float                    share of the learning rate, instead of warm-up and cosine
    before_forward(model, domain, *, …) -> None          called before each domain's forward pass (domain batch norm),
                                                         and with the target's name before validation
    finish(model, *, …) -> None                          leave a plain network of `models/`, in place

Groups are those of `Classifier.groups()`: stages input side first, `pooling` where it has parameters, `head`.

`prepare` draws from torch's generator, which the caller has seeded. What it changes is a function of the network and
the settings, so that a checkpoint's state fits a network prepared anew; it leaves the parameters that were there the
same objects, under other names. Whoever looks parameters up by their plain names does so before. `copies` and
`movable` are asked after `prepare`. `finish` works on a deep copy, too, and leaves the copied network as it is.

Pieces whose activations are computed again for the gradient must find the domain of their first pass: a module that
depends on it has a method `as_now()`, a context that can be entered again and again.
"""

from __future__ import annotations

from typing import NamedTuple


class Movable(NamedTuple):
    """Which parameters may move at all.

    Attributes:
        names: Of parameters, as in `Classifier.groups()`.
        statistics: Do batch-norm layers of moving stages learn running statistics? Otherwise they keep the pretrained.
    """

    names: frozenset[str]
    statistics: bool = True
