"""What a user can set: frozen models, one file a room, read from and written to TOML."""
