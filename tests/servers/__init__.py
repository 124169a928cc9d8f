"""Servers of the outside world, real ones on loopback, that do whatever a test asks of them."""
