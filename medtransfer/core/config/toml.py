"""Frozen configs ⇄ TOML, and `--set key.path=value` on top.

tomlkit writes the reasons of a plan as comments above their keys; values are validated by the config itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.exceptions import ParseError, TOMLKitError

from medtransfer.core.catalogue import did_you_mean
from medtransfer.core.errors import ConfigError
from medtransfer.core.files import write_text
from medtransfer.core.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping
    from pathlib import Path

    from tomlkit.items import Comment

Config = TypeVar("Config", bound=Record)


def to_toml(config: Record, *, comments: dict[str, str] | None = None) -> str:
    """The config as TOML; `comments` maps a dotted key to the sentence that stands above it."""
    document = tomlkit.document()
    _fill(document, config.model_dump(mode="python", exclude_none=True), comments or {}, prefix="")
    return tomlkit.dumps(document)


def write_toml(config: Record, path: Path, *, comments: dict[str, str] | None = None) -> None:
    """Write the config to `path`, whole or not at all."""
    write_text(path, to_toml(config, comments=comments))


def read_toml(kind: type[Config], path: Path, *, changes: Iterable[str] = ()) -> Config:
    """Read a config and apply `key.path=value` changes, each value parsed as TOML.

    Raises:
        ConfigError: The file cannot be read, or a key or value is not allowed; names key and cure.
    """
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    except (OSError, UnicodeDecodeError, ParseError) as error:
        raise ConfigError(
            f"cannot be read as TOML: {error}",
            code="BadToml",
            path=path,
            hint="Make one with `medtransfer plan`.",
        ) from error
    for change in changes:
        apply_change(document, change)
    return validated(kind, document, path=str(path))


def changed(config: Config, changes: Iterable[str]) -> Config:
    """The config with `key.path=value` changes applied.

    Raises:
        ConfigError: A key or value is not allowed.
    """
    values = config.model_dump(mode="python", exclude_none=True)
    for change in changes:
        apply_change(values, change)
    return validated(type(config), values, path="--set")


def apply_change(values: MutableMapping[str, Any], change: str) -> None:
    """Set one dotted key, `objective.parameters.l2_sp.strength=0.1`, in nested tables.

    A value that is not TOML is taken as a string, so that `model.backbone=resnet50` needs no quotes.

    Raises:
        ConfigError: There is no `=`, or a key on the way is not a table.
    """
    dotted, equals, text = change.partition("=")
    keys = [key.strip() for key in dotted.split(".")]
    if not equals or not all(keys):
        raise ConfigError(
            f"'{change}' is not key=value",
            code="BadChange",
            path="--set",
            hint="Write --set training.epochs=5.",
        )
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ConfigError(
                f"'{key}' in '{dotted}' is a value, not a table",
                code="BadChange",
                path="--set",
                hint=f"Nothing stands below a value: set what stands before '.{keys[-1]}'.",
            )
    values[keys[-1]] = _parsed(text.strip())


def validated(kind: type[Config], values: dict[str, Any], *, path: str) -> Config:
    """Build a config, turning every complaint into one `ConfigError` that names key and cure.

    Raises:
        ConfigError: A key is unknown or a value not allowed.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _fields_at(kind, first["loc"][:-1])
            raise ConfigError(
                f"unknown key '{key}'.{did_you_mean(str(first['loc'][-1]), known)}",
                code="UnknownKey",
                path=path,
                hint=f"Known here: {', '.join(known)}.",
            ) from error
        more = f" ({error.error_count() - 1} more like it)" if error.error_count() > 1 else ""
        raise ConfigError(
            f"{key} = {first['input']!r}: {first['msg']}{more}",
            code="BadValue",
            path=path,
            hint="Correct the value; `medtransfer plan` writes a file that is right.",
        ) from error


def _fill(table: Any, values: dict[str, Any], comments: dict[str, str], *, prefix: str) -> None:
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    nested = {k: v for k, v in values.items() if isinstance(v, dict)}
    for key, value in plain.items():
        if comment := comments.get(prefix + key):
            table.add(_comment(comment))
        table.add(key, list(value) if isinstance(value, tuple) else value)
    for key, value in nested.items():
        inner = tomlkit.table()
        if comment := comments.get(prefix + key):
            inner.add(_comment(comment))
        _fill(inner, value, comments, prefix=f"{prefix}{key}.")
        table.add(key, inner)


def _comment(sentence: str) -> Comment:
    """On one line and printable, as TOML wants comments; class names from a table may hold anything."""
    printable = "".join(letter if letter.isprintable() else " " for letter in sentence)
    return tomlkit.comment(" ".join(printable.split()))


def _parsed(text: str) -> Any:
    try:
        value = tomlkit.parse(f"value = {text}").unwrap()["value"]
    except TOMLKitError:
        return text
    return math.inf if value == "inf" else value


def _fields_at(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The fields of the model that a validation error's location points into."""
    model: Any = kind
    parts = iter(location)
    for part in parts:
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        inner = [a for a in (field.annotation, *getattr(field.annotation, "__args__", ())) if _is_model(a)]
        if not inner:
            return []
        model = inner[0]
        if get_origin(field.annotation) is dict:
            next(parts, None)  # the name under which it stands
    return sorted(model.model_fields)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
