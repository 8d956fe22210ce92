"""The watched copy: newest version wins, and what is deleted stays deleted."""

from __future__ import annotations

from lab.objects import Obj
from lab.store import Store


def _map(revision: int, text: str = "", name: str = "a") -> Obj:
    meta = {"name": name, "namespace": "ns", "resourceVersion": str(revision), "managedFields": [1]}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"text": text}}


def _text(store: Store) -> str | None:
    found = store.get("ConfigMap", "ns", "a")
    return None if found is None else found["data"]["text"]


def test_an_older_version_is_ignored() -> None:
    store = Store([_map(5, "new")])
    before = store.total
    store.put(_map(4, "old"))
    assert (_text(store), store.total) == ("new", before)
    store.put(_map(6, "newest"))
    assert _text(store) == "newest"


def test_a_late_answer_does_not_raise_the_dead() -> None:
    store = Store([_map(5)])
    store.remove(_map(7))
    store.put(_map(6, "late"))
    assert _text(store) is None
    store.put(_map(8, "again"))
    assert _text(store) == "again"


def test_a_list_replaces_what_it_does_not_contain_unless_that_is_newer() -> None:
    store = Store([_map(5, name="gone"), _map(9, name="newer")])
    store.replace("ConfigMap", [_map(6)], revision=7)
    assert sorted(o["metadata"]["name"] for o in store.all("ConfigMap")) == ["a", "newer"]


def test_changes_are_counted_by_namespace_and_kind() -> None:
    store = Store([_map(5)])
    store.put({"kind": "Node", "metadata": {"name": "node-1", "resourceVersion": "6"}})
    assert (store.changes("ns"), store.changes(""), store.changes("other")) == (1, 1, 0)
    assert store.kind_changes("ConfigMap", "Node", "Pod") == 2


def test_bookkeeping_of_the_api_server_is_not_kept() -> None:
    found = Store([_map(5)]).get("ConfigMap", "ns", "a")
    assert found is not None
    assert "managedFields" not in found["metadata"]
