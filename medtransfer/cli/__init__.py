"""The command line: one file a command.

Exit codes: 0 all well; 1 unexpected; 2 unusable arguments or inputs; 3 some cases failed (unless
`--allow-failures N` covers them); 130 interrupted.
"""
