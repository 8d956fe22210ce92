"""The world as the simulated software meets it: the cluster's objects plus what the programs need.

Nothing in here decides anything. It answers what an object is, which pods run a program, and what the hidden
description says about a program, so that `fate` and `network` stay pure functions of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lab.objects import Obj, app_of
from lab.store import Store

# (namespace, service account, "verb group/resource") -> allowed?
Access = Callable[[str, str, str], bool]


def everything_allowed(namespace: str, account: str, what: str) -> bool:
    """The access check of a world without an API server to ask (tests)."""
    return True


@dataclass
class World:
    """A view on a store; `software` is namespace -> program -> description."""

    store: Store
    software: Mapping[str, Obj] = field(default_factory=dict)
    access: Access = everything_allowed

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        """One object, or None."""
        return self.store.get(kind, namespace, name)

    def all(self, kind: str, namespace: str | None = None) -> list[Obj]:
        """The objects of a kind."""
        return self.store.all(kind, namespace)

    def pods(self, namespace: str, app: str | None = None) -> list[Obj]:
        """The pods of a namespace, or of one program in it."""
        return [p for p in self.store.all("Pod", namespace) if app is None or app_of(p) == app]

    def program(self, namespace: str, app: str, container: str | None = None) -> Obj:
        """The description of the container that is named like the app, or of one of its other containers."""
        main: Obj = self.software.get(namespace, {}).get(app) or {}
        if container is None or container == app:
            return main
        other: Obj = (main.get("containers") or {}).get(container) or {}
        return other

    def rules(self, namespace: str) -> list[Obj]:
        """The free-form rules of a namespace."""
        return list(self.software.get(namespace, {}).get("rules") or [])
