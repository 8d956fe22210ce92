"""Service accounts and their rights: bindings resolved by subject, groups included, up to the roles they grant.

A right that is missing leaves no edge at all, so bindings that name nobody there are held against the accounts
that their names suggest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Final

from suture.diagnosis.fields import items, labels, text
from suture.diagnosis.graph.edges import Edge
from suture.diagnosis.graph.matching import matches
from suture.diagnosis.graph.scene import Scene, ref_to
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef

_USER: Final = "system:serviceaccount:"
_GROUP: Final = "system:serviceaccounts"
ALIKE: Final = 0.8  # of two names, as difflib measures it


def access(scene: Scene) -> Iterator[Edge]:
    """Accounts and what they pull with, bindings and roles."""
    for ref, account in scene.each("ServiceAccount"):
        for secret in items(account, "imagePullSecrets"):
            yield from scene.edge(ref, "pulls with", "Secret", text(secret, "name"))
    accounts = _Accounts([*(ref for ref, _ in scene.each("ServiceAccount")), *_used(scene)])
    for ref, binding in [*scene.each("RoleBinding"), *scene.all("ClusterRoleBinding")]:
        bound = list(dict.fromkeys(a for s in items(binding, "subjects") for a in accounts.meant(s)))
        role = text(binding, "roleRef.name")
        yield from (Edge(a, ref, "may", note=f"what {role} grants") for a in bound)
        if not bound:
            yield from _astray(scene, ref, binding, accounts.all)
        if bound or ref.namespace:
            yield from scene.edge(ref, "grants", text(binding, "roleRef.kind"), role)
    yield from _aggregated(scene)


def _used(scene: Scene) -> Iterator[ObjectRef]:
    """The accounts that workloads run as, whether or not they are there."""
    for workload in scene.each_workload():
        name = text(workload.template, "spec.serviceAccountName") or text(
            workload.template, "spec.serviceAccount"
        )
        if ref := ref_to("ServiceAccount", workload.namespace, name or "default"):
            yield ref


class _Accounts:
    """The accounts that a subject of a binding can mean."""

    def __init__(self, accounts: Iterable[ObjectRef]) -> None:
        self.all = list(dict.fromkeys(accounts))
        self._by_name = {(a.namespace, a.name): a for a in self.all}
        self._by_namespace: dict[str, list[ObjectRef]] = defaultdict(list)
        for account in self.all:
            self._by_namespace[account.namespace].append(account)

    def meant(self, subject: Manifest) -> list[ObjectRef]:
        """By kind of subject: one account, or the user or group under which it authenticates."""
        kind, name = text(subject, "kind"), text(subject, "name")
        if kind == "ServiceAccount":
            return self._one(text(subject, "namespace"), name)
        if kind == "User" and name.startswith(_USER):
            namespace, _, account = name.removeprefix(_USER).partition(":")
            return self._one(namespace, account)
        if kind == "Group" and name.startswith(f"{_GROUP}:"):
            return self._by_namespace.get(name.removeprefix(f"{_GROUP}:"), [])
        return self.all if kind == "Group" and name in (_GROUP, "system:authenticated") else []

    def _one(self, namespace: str, name: str) -> list[ObjectRef]:
        found = self._by_name.get((namespace, name))
        return [found] if found else []


def _astray(scene: Scene, ref: ObjectRef, binding: Manifest, accounts: list[ObjectRef]) -> Iterator[Edge]:
    """A binding without any account that is there: whom does it mean?"""
    subjects = [s for s in items(binding, "subjects") if text(s, "kind") == "ServiceAccount"]
    if items(binding, "subjects") and not subjects:
        return
    named = [ref_to("ServiceAccount", text(s, "namespace"), text(s, "name")) for s in subjects]
    if any(n is not None and not scene.is_missing(n) for n in named):
        return  # an account that cannot be seen from here
    told = ", ".join(map(str, filter(None, named))) or "nobody"
    for account in accounts:
        if _means(ref, binding, [n for n in named if n], account):
            yield Edge(ref, account, "should bind", note=f"binds {told}", broken=True)


def _means(ref: ObjectRef, binding: Manifest, named: list[ObjectRef], account: ObjectRef) -> bool:
    if any(SequenceMatcher(None, n.name, account.name).ratio() >= ALIKE for n in named):
        return True
    hints = (ref.name, text(binding, "roleRef.name")) if ref.namespace == account.namespace else ()
    return account.name != "default" and any(
        h == account.name or h.startswith(f"{account.name}-") for h in hints
    )


def _aggregated(scene: Scene) -> Iterator[Edge]:
    """Roles whose rules are gathered from others by label."""
    roles = scene.all("ClusterRole")
    for ref, role in roles:
        for selector in items(role, "aggregationRule.clusterRoleSelectors"):
            for other, manifest in roles:
                if other != ref and matches(selector, labels(manifest)):
                    yield Edge(ref, other, "grants", note="gathered by label")
