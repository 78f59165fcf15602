"""Exports: what leaves the app, and how it is told apart from a signed report."""
