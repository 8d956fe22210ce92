"""The statements of the hot path, built once: building them costs more than SQLite takes to run them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table, bindparam, update

from suture.memory.database import Database
from suture.memory.tables import ActionState, Base, ConfigChange, Evidence, HealingAction, Incident, Status


def table_of(model: type[Base]) -> Table:
    """The Core table of a model: without the ORM's own bookkeeping."""
    return cast(Table, model.__table__)


class Statements:
    """Executed with a row as their parameters; updates name the row's key `of`."""

    def __init__(self, database: Database) -> None:
        def once(model: type[Base]) -> Any:
            return database.insert(table_of(model)).on_conflict_do_nothing()

        incidents, actions = table_of(Incident).c, table_of(HealingAction).c
        self.open, self.evidence, self.config = map(once, (Incident, Evidence, ConfigChange))
        self.begin = once(HealingAction).returning(actions.action_id)  # a row only when it was new
        self.mitigate = (
            update(table_of(Incident))
            .where(incidents.incident_id == bindparam("of"), incidents.status == Status.OPEN)
            .values(status=Status.MITIGATING)
        )
        self.end = (
            update(table_of(HealingAction))
            .where(actions.action_id == bindparam("of"), actions.state != ActionState.DONE)
            .returning(actions.incident_id)
        )
