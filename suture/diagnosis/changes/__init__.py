"""What changed before the trouble, and how to put it back.

`history` is what the ledger knows; `baseline` finds each object's last known good state; `delta` compares field
by field; `suspects` weighs every change by time, distance, field and author; `plans` reverts exactly what is
suspected. `hypotheses` joins the ranking with the detectors'.
"""

from suture.diagnosis.changes.history import Past, Period, State

__all__ = ["Past", "Period", "State"]
