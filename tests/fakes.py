"""In-memory ports for tests of the workflow's logic: a little world that changes only through actions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from suture.domain.action import Action, Receipt, Scale, UndoRollout
from suture.domain.call import Call
from suture.domain.decision import Verdict
from suture.domain.emergency import Dependency, Place
from suture.domain.errors import PreconditionFailed, TargetNotFound, Unavailable
from suture.domain.governor import (
    Admission,
    AdmissionState,
    Overview,
    Standing,
    Switch,
    SwitchKind,
    Turn,
)
from suture.domain.incident import IncidentRecord
from suture.domain.notice import Message
from suture.domain.post_incident import PostIncidentRecord
from suture.domain.report import ReportBatch
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef, Target
from suture.ports import Archived, Change, Claim, JournalEntry, Noted, Revision

NAMESPACE = "shop"


class FakeCluster:
    """Deployments with one pod each. `cures` says which image makes a deployment healthy; undo_rollout goes to `previous`."""

    name = "default"

    def __init__(self) -> None:
        self.image: dict[str, str] = {}
        self.namespace: dict[str, str] = {}
        self.previous: dict[str, str] = {}
        self.replicas: dict[str, int] = {}
        self.good: dict[str, set[str]] = {}
        self.applied: list[Receipt] = []
        self.away = False
        self.slow = 0.0
        self.fails: Callable[[Action], Exception | None] = lambda _: None

    def deploy(
        self,
        name: str,
        image: str = "v1",
        previous: str = "v0",
        good: set[str] | None = None,
        namespace: str = NAMESPACE,
    ) -> Target:
        self.image[name], self.previous[name], self.replicas[name] = image, previous, 1
        self.good[name] = good if good is not None else {"v0", "v1"}
        self.namespace[name] = namespace
        return Target(namespace=namespace, kind="Deployment", name=name)

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        if self.away:
            raise Unavailable("the cluster does not answer")
        objects = [o for name in self._within(namespace) for o in self._objects(name)]
        return Snapshot(objects, datetime.now(UTC))

    def _within(self, namespace: str) -> list[str]:
        return [n for n, where in self.namespace.items() if namespace in ("", where)]

    def _objects(self, name: str) -> list[Manifest]:
        image, replicas = self.image[name], self.replicas[name]
        ok = image in self.good[name]
        generation = 1 + len([r for r in self.applied if r.action.object.name == name])
        spec = {"containers": [{"name": name, "image": image}]}
        meta = {
            "namespace": self.namespace[name],
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": name},
        }
        ready = replicas if ok else 0
        deployment = {
            "kind": "Deployment",
            "metadata": {
                **meta,
                "name": name,
                "uid": f"d-{name}",
                "generation": generation,
                "annotations": {"deployment.kubernetes.io/revision": "2"},
            },
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
            },
            "status": {
                "observedGeneration": generation,
                "replicas": replicas,
                "updatedReplicas": replicas,
                "readyReplicas": ready,
                "availableReplicas": ready,
                "unavailableReplicas": replicas - ready,
            },
        }
        objects: list[Manifest] = [deployment]
        for number, template_image in ((1, self.previous[name]), (2, image)):
            objects.append(
                {
                    "kind": "ReplicaSet",
                    "metadata": {
                        **meta,
                        "name": f"{name}-{number}",
                        "uid": f"r-{name}-{number}",
                        "labels": {"app": name, "pod-template-hash": str(number)},
                        "annotations": {
                            "deployment.kubernetes.io/revision": str(number),
                            "deployment.kubernetes.io/desired-replicas": "1",
                        },
                        "ownerReferences": [
                            {"kind": "Deployment", "name": name, "uid": f"d-{name}", "controller": True}
                        ],
                    },
                    "spec": {
                        "replicas": replicas if number == 2 else 0,
                        "selector": {"matchLabels": {"app": name}},
                        "template": {
                            "metadata": {"labels": {"app": name, "pod-template-hash": str(number)}},
                            "spec": {"containers": [{"name": name, "image": template_image}]},
                        },
                    },
                    "status": {
                        "replicas": replicas if number == 2 else 0,
                        "readyReplicas": ready if number == 2 else 0,
                    },
                }
            )
        state = (
            {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
            if ok
            else {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
        )
        for n in range(replicas):
            objects.append(
                {
                    "kind": "Pod",
                    "metadata": {
                        **meta,
                        "name": f"{name}-2-{n}",
                        "uid": f"p-{name}-{image}-{n}",
                        "ownerReferences": [
                            {
                                "kind": "ReplicaSet",
                                "name": f"{name}-2",
                                "uid": f"r-{name}-2",
                                "controller": True,
                            }
                        ],
                    },
                    "spec": {**spec, "nodeName": "n1"},
                    "status": {
                        "phase": "Running" if ok else "Pending",
                        "startTime": "2026-01-01T00:00:00Z",
                        "conditions": [
                            {"type": "PodScheduled", "status": "True"},
                            {
                                "type": "Ready",
                                "status": str(ok),
                                "lastTransitionTime": "2026-01-01T00:00:00Z",
                            },
                        ],
                        "containerStatuses": [
                            {"name": name, "image": image, "ready": ok, "restartCount": 0, "state": state}
                        ],
                    },
                }
            )
        return objects

    async def prepare(self, action: Action, key: str, dry_run: bool = False) -> Receipt:
        if self.away:
            raise Unavailable("the cluster does not answer")
        name = action.object.name
        undo: list[Action] = []
        if isinstance(action, UndoRollout):
            undo = [UndoRollout(object=action.object, to_revision=1)]
        elif isinstance(action, Scale):
            undo = [Scale(object=action.object, replicas=self.replicas[name])]
        return Receipt(key=key, action=action, prepared_at=datetime.now(UTC), undo=undo)

    async def apply(self, receipt: Receipt) -> Receipt:
        await asyncio.sleep(self.slow)
        if any(r.key == receipt.key for r in self.applied):
            return receipt
        error = self.fails(receipt.action)
        if error is not None:
            raise error
        name = receipt.action.object.name
        if isinstance(receipt.action, UndoRollout):
            self.image[name], self.previous[name] = self.previous[name], self.image[name]
        elif isinstance(receipt.action, Scale):
            self.replicas[name] = receipt.action.replicas
        done = receipt.model_copy(update={"done_at": datetime.now(UTC)})
        self.applied.append(done)
        return done

    async def logs(self, pod: ObjectRef, container: str, previous: bool = False, lines: int = 50) -> str:
        return ""

    async def ready(self) -> None:
        if self.away:
            raise Unavailable("the cluster does not answer")


class FakeMemory:
    """Dictionaries; `away` makes it unavailable."""

    def __init__(self) -> None:
        self.records: dict[str, IncidentRecord] = {}
        self.evidence: dict[str, Any] = {}
        self.entries: dict[str, JournalEntry] = {}
        self.away = False

    def _there(self) -> None:
        if self.away:
            raise Unavailable("the database does not answer")

    async def ready(self) -> None:
        self._there()

    async def open_incident(self, record: IncidentRecord) -> None:
        self._there()
        self.records.setdefault(record.incident_id, record)

    async def save_incident(self, record: IncidentRecord) -> None:
        self._there()
        self.records[record.incident_id] = record

    async def put_evidence(self, incident_id: str, kind: str, content: Any) -> str:
        self._there()
        self.evidence[f"{incident_id}-{kind}"] = content
        return f"{incident_id}-{kind}"

    async def get_evidence(self, evidence_id: str) -> Any | None:
        return self.evidence.get(evidence_id)

    async def journal(self, key: str) -> JournalEntry | None:
        self._there()
        return self.entries.get(key)

    async def begin_action(self, incident_id: str, receipt: Receipt, verdict: Verdict | None) -> Receipt:
        self._there()
        return self.entries.setdefault(receipt.key, JournalEntry(receipt=receipt, done=False)).receipt

    async def end_action(self, key: str, receipt: Receipt | None, error: str = "") -> None:
        self._there()
        entry = self.entries.get(key)
        if entry:
            self.entries[key] = JournalEntry(
                receipt=receipt or entry.receipt, done=receipt is not None, error=error
            )


class FakeLedger:
    """Knows nothing."""

    async def record(self, changes: Sequence[Change]) -> None: ...

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        return None

    async def content(self, revision_id: str) -> Manifest:
        raise PreconditionFailed(revision_id)


class FakeIncidents:
    """Collects what was reported."""

    def __init__(self) -> None:
        self.reported: list[tuple[Target, ReportBatch]] = []
        self.over: list[tuple[Target, ReportBatch]] = []
        self.open = False
        self.called: list[str] = []

    async def report(self, target: Target, batch: ReportBatch) -> str:
        self.reported.append((target, batch))
        return target.workflow_id

    async def resolved(self, target: Target, batch: ReportBatch) -> bool:
        self.over.append((target, batch))
        return True

    async def is_open(self, target: Target) -> bool:
        return self.open

    async def runs(self, workflow_id: str) -> bool:
        return self.open

    async def call(self, workflow_id: str) -> bool:
        self.called.append(workflow_id)
        return True

    async def ready(self) -> None: ...

    async def open_count(self) -> int:
        return 0

    async def waiting_count(self, longer_than: float, called: bool = False) -> int:
        return 0

    async def worker_counts(self) -> dict[str, int]:
        return {}

    def link(self, workflow_id: str) -> str:
        return ""


class FakeArchive:
    """What FakeMemory was told, as an archive; follow-ups by incident."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory
        self.follow_ups: dict[str, PostIncidentRecord] = {}
        self.notes: dict[str, Noted] = {}

    async def archived(self, incident_id: str) -> Archived:
        record = self._memory.records.get(incident_id)
        if record is None:
            raise TargetNotFound(incident_id)
        journal = [e for e in self._memory.entries.values() if incident_id in e.receipt.key]
        return Archived(record=record, journal=journal)

    async def save_follow_up(self, record: PostIncidentRecord) -> None:
        self.follow_ups[record.incident_id] = record.model_copy(deep=True)

    async def note(self, noted: Noted) -> None:
        self.notes.setdefault(noted.id, noted)


class FakeOnCall:
    """Remembers who was told; `away` reaches nobody."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.away = False

    async def call(self, call: Call) -> list[str]:
        if self.away:
            raise Unavailable("nobody answers")
        self.calls.append(call)
        return [f"{call.level} on call"]


class FakeGovernor:
    """Grants every turn, or answers what a test says; `held` are those that have not given theirs back."""

    def __init__(self) -> None:
        self.stands = Standing()
        self.answer: Callable[[Turn], Admission] = lambda _: Admission(state=AdmissionState.GRANTED)
        self.turns: list[Turn] = []
        self.held: set[str] = set()

    async def standing(self, cluster: str, namespace: str, now: datetime) -> Standing:
        return self.stands

    async def admit(self, turn: Turn) -> Admission:
        self.turns.append(turn)
        admission = self.answer(turn)
        if admission.state is AdmissionState.GRANTED and not turn.undo:
            self.held.add(turn.holder)
        return admission

    async def release(self, holder: str, incident_id: str = "") -> list[str]:
        self.held.discard(holder)
        return []

    async def silent(self) -> list[tuple[str, str]]:
        return []

    async def throw(self, switch: Switch) -> None: ...

    async def lift(self, kind: SwitchKind, name: str, by: str) -> tuple[bool, list[str]]:
        return False, []

    async def overview(self, cluster: str, namespace: str = "") -> Overview:
        return Overview(at=datetime.now(UTC), standing=self.stands, concurrent=1, budget_used=0, budget=1)


class FakeProber:
    """Says of every dependency that it is there, but for those in `away`."""

    def __init__(self) -> None:
        self.away: set[str] = set()

    async def ask(self, dependencies: Sequence[Dependency]) -> list[Place]:
        return [
            Place(name=d.name, url=d.url, ok=d.name not in self.away, said="HTTP 200") for d in dependencies
        ]


class FakeCounters:
    """Counts by key."""

    def __init__(self) -> None:
        self.incidents: list[IncidentRecord] = []
        self.actions: list[tuple[str, str]] = []
        self.admissions: list[str] = []

    def record_incident(self, record: IncidentRecord) -> None:
        self.incidents.append(record)

    def record_action(self, kind: str, result: str) -> None:
        self.actions.append((kind, result))

    def record_admission(self, result: str) -> None:
        self.admissions.append(result)


class FakeFeed:
    """A feed into which a test puts changes."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[list[Change]] = asyncio.Queue()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def synced(self) -> None: ...

    async def changes(self) -> AsyncIterator[list[Change]]:
        while True:
            yield await self.queue.get()


class FakeNotifier:
    """Everybody is reached by a way of their own name; `fails` says who is not, and why."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.fails: dict[str, str] = {}

    def ways(self, contact: str) -> Sequence[str]:
        return [] if contact == "stranger" else [contact]

    async def send(self, way: str, message: Message) -> None:
        if way in self.fails:
            raise Unavailable(self.fails[way])
        self.sent.append((way, message))


class FakeNotifications:
    """The journal of notifications in a dictionary."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str, str], str] = {}

    async def claim(self, incident_id: str, step: str, way: str, owner: str, subject: str) -> Claim:
        state = self.states.get((incident_id, step, way), "failed")
        if state != "failed":
            return Claim.SENT if state == "sent" else Claim.UNKNOWN
        self.states[incident_id, step, way] = "claimed"
        return Claim.MINE

    async def settle(self, incident_id: str, step: str, way: str, owner: str, error: str = "") -> None:
        self.states[incident_id, step, way] = "failed" if error else "sent"
