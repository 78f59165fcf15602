"""Reporting checklists: items as data, one TOML file each, answered where the tool knows the answer."""
