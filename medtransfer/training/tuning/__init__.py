"""Searching a plan's settings on patients held out in turn."""
