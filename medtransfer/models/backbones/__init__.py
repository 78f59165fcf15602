"""Catalogue: one network a file; `build(*, in_channels) -> Backbone`."""
