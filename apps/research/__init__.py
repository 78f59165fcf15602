"""What the screens for researchers share: files of the command line, found, read and drawn."""
