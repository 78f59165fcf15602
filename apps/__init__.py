"""The app: the same bundle and the same predictions as on the command line, in the browser."""
