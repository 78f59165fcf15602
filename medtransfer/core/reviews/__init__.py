"""What readers said: an append-only file in which every entry seals the one before it."""
