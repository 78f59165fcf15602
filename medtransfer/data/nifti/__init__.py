"""The parts of the NIfTI loader."""
