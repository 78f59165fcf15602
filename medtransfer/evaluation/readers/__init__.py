"""Several readers for each study: their truth table, its consensus, how far they agree, and its export."""
