"""Drift: whether new rows still come from where the old ones came from, without an alarm for every busy hour."""
