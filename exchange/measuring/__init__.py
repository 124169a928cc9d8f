"""Measure a real hub under load, against the bare cost of the same work."""
