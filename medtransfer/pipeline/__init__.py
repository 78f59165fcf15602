"""The story from inspection to report, and what its steps leave on disk."""
