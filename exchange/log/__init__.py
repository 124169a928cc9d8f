"""The transparency log: what gives evidence its place, proves it, and shows the log to everybody."""
