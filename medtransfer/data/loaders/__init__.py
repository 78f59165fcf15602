"""The catalogue of readers: one file a format, each with `find` and `load`."""
