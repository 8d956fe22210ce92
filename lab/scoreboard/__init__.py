"""The scoreboard: every scenario against an engine of its own, and the figures that come of it."""
