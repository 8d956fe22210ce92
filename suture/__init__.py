"""Suture heals incidents: the library that users import or extend."""

__version__ = "0.1.0"
