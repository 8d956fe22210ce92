"""Adapters that act on what is healed."""
