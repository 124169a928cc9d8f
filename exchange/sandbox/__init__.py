"""The emulator for an integrator's laptop: a real hub with a small Thanh Hóa in it."""
