"""A StatefulSet goes back to its good template together with the pods that would keep it from doing so."""

from __future__ import annotations

from suture.diagnosis.stuck import stuck_pods
from tests.diagnosis.builder import Rev, World, crash, ready, template


def test_only_unready_pods_of_a_bad_revision_are_in_the_way() -> None:
    world = World()
    db = world.stateful_set("db", Rev("db:1", [ready()], age=3600), Rev("db:2", [crash(3)], age=60))
    (broken,) = [a.object.name for a in stuck_pods(world.snapshot(), db, 1)]
    pods = {p["metadata"]["name"]: p for p in world.snapshot().pods_of(db)}
    assert not pods[broken]["status"]["containerStatuses"][0]["ready"]
    assert [a.object.name for a in stuck_pods(world.snapshot(), db)] == [broken]


def test_a_deployment_replaces_its_pods_by_itself() -> None:
    world = World()
    web = world.deployment("web", Rev(template("web:2"), [crash(3)], age=60))
    assert not list(stuck_pods(world.snapshot(), web))
