"""The parts of an evaluation's page: one file each, from its record to words, tables and drawings."""
