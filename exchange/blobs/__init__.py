"""Stores for the bytes of messages, by their digest."""
