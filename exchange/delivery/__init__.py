"""Ways to tell a reader that something arrived."""
