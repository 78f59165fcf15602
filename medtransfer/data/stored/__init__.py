"""Prepared pictures on disk: one file a shard, one digest a case."""
