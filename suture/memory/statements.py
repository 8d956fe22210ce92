"""The statements of the hot path, built once: building them costs more than SQLite takes to run them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table, Update, bindparam, or_, update

from suture.memory.database import Database
from suture.memory.tables import ActionState, Base, ConfigChange, Evidence, HealingAction, Incident, Status


def table_of(model: type[Base]) -> Table:
    """The Core table of a model: without the ORM's own bookkeeping."""
    return cast(Table, model.__table__)


class Statements:
    """Executed with a row as their parameters; updates name the row's key `of`."""

    def __init__(self, database: Database) -> None:
        self._insert = database.insert
        self._upserts: dict[type[Base], Any] = {}
        actions = table_of(HealingAction).c
        self.open, self.evidence, self.config = map(self._once, (Incident, Evidence, ConfigChange))
        self.begin = self._once(HealingAction).returning(actions.action_id)  # a row only when it was new
        self.end = (
            _change(HealingAction).where(actions.state != ActionState.DONE).returning(actions.incident_id)
        )
        self.complete, self.approve = _change(HealingAction), _change(ConfigChange)
        incident = table_of(Incident).c
        self.mitigate = (
            _change(Incident).where(incident.status == Status.OPEN).values(status=Status.MITIGATING)
        )
        self.save = self._save()

    def upsert(self, model: type[Base]) -> Any:
        """Insert rows with all columns, or write them over those with the same key."""
        if model not in self._upserts:
            self._upserts[model] = self._over(model)
        return self._upserts[model]

    def _once(self, model: type[Base]) -> Any:
        return self._insert(table_of(model)).on_conflict_do_nothing()

    def _over(self, model: type[Base], where: Any = None) -> Any:
        table, insert = table_of(model), self._insert(table_of(model))
        changed = {
            c.name: insert.excluded[c.name] for c in table.c if not c.primary_key and c.name != "created_at"
        }
        keys = list(table.primary_key.columns)
        return insert.on_conflict_do_update(index_elements=keys, set_=changed, where=where)

    def _save(self) -> Any:
        """An unfinished story never replaces a finished one; a row comes back when it was written."""
        columns = table_of(Incident).c
        new = self._insert(table_of(Incident)).excluded
        newer = or_(columns.outcome.is_(None), new.outcome.is_not(None))
        return self._over(Incident, newer).returning(columns.incident_id)


def _change(model: type[Base]) -> Update:
    table = table_of(model)
    (key,) = table.primary_key.columns
    return update(table).where(key == bindparam("of"))
