"""Diagnosis: from a snapshot and reports to ranked hypotheses with plans. Pure: no I/O, no clock, no
randomness.

The story goes `resolve` (which object is meant) -> `symptoms` (what is visibly wrong) -> `detect` (is it a
problem at all, by now) -> `classify` (why, and what would mend it) -> `checks` (did it). Every function
takes a `Snapshot`, so the same inputs always give the same answer and each decision can be replayed from the
evidence that was kept.

To teach it a new failure: a reader in `readers/` that yields the symptom, a grace in `grace.py`, and a
module in `detectors/` that yields hypotheses; both packages list their members in one tuple.
"""
