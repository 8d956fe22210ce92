"""Adapters that listen for trouble."""
