"""Catalogue: terms on parameters; `build(model, start, data, *, …) -> Term`.

An entry may also define `check_start(model, start) -> None`, which refuses weights that will not do before the first
picture is read.
"""
