"""Studies: which there are, which is open, and how it is seen without and with the viewer."""
