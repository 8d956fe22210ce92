"""The words of the engine: pure types and decisions, without any I/O (pydantic and the standard library only)."""
