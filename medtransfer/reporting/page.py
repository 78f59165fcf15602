"""The jinja environment of every page: escaping on, invisible characters spelt out, unknown names refused."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from medtransfer.core.inert import shortened, visible
from medtransfer.reporting import words


def render(template: str, /, **values: object) -> str:
    """One page of `reporting/templates`, from typed values only.

    Every string that is put in is escaped and loses its control characters; markup passes only as
    `markupsafe.Markup`, which this room gives to its own drawings alone.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("medtransfer.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_inert,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": words.number,
        "interval": words.interval,
        "level": words.level,
        "label": words.label,
        "figure": words.figure,
        "estimable": words.estimable,
        "has_interval": words.has_interval,
        "shortened": shortened,
        "thousands": "{:,}".format,
    }
    return environment


def _inert(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
