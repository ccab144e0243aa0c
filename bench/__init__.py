"""Measures of what an issue promises: each prints a table and, as its last line, one JSON object. See README.md."""
