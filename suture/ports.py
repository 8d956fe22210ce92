"""What the engine needs of the world, as protocols. Adapters implement them; only worker.bootstrap joins the two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from suture.domain.action import Action, Receipt
from suture.domain.audit import AuditCheck, AuditEntry, AuditRow
from suture.domain.call import Call
from suture.domain.decision import Decision, Verdict
from suture.domain.emergency import Dependency, Place
from suture.domain.failure import Failure, FailureClass
from suture.domain.governor import Admission, Overview, Standing, Switch, SwitchKind, Turn
from suture.domain.incident import IncidentRecord
from suture.domain.learning import Experiment, ExperimentState, ModelStage, ModelVersion, Transition
from suture.domain.listing import Listing, Seen, Wanted
from suture.domain.logs import LogAnalysis
from suture.domain.notice import Message, Notice
from suture.domain.post_incident import PostIncidentRecord, Told
from suture.domain.report import ReportBatch
from suture.domain.scan import Finding, ScanRule, Series
from suture.domain.snapshot import Manifest, Snapshot
from suture.domain.target import ObjectRef, Target


class Cluster(Protocol):
    """A Kubernetes cluster: read as a whole, changed one typed action at a time."""

    @property
    def name(self) -> str:
        """The cluster's name in targets and workflow ids."""

    async def snapshot(self, namespace: str, fresh: bool = False) -> Snapshot:
        """The namespace's objects plus cluster-wide ones ("" = all namespaces). From the watch's cache when it is in sync;
        `fresh` asks the API server. Secrets' values are keyed hashes. Raises Unavailable, Forbidden."""

    async def prepare(self, action: Action, key: str, dry_run: bool = False) -> Receipt:
        """Read the object, check `expect` and the action's own preconditions, ask the server's dry run, and say what would
        change and how to undo it. Changes nothing. Raises TargetNotFound, PreconditionFailed, Forbidden, Invalid, Unavailable."""

    async def apply(self, receipt: Receipt) -> Receipt:
        """Carry out a prepared receipt exactly once: a repeated call with the same receipt finds its own mark and changes
        nothing. Returns the receipt with `done_at`. Raises as prepare does, and Conflict."""

    async def logs(self, pod: ObjectRef, container: str, previous: bool = False, lines: int = 50) -> str:
        """The container's last lines, redacted; an empty text when there are none."""

    async def ready(self) -> None:
        """Returns when the cluster answers; raises Unavailable or Forbidden otherwise."""


class Change(BaseModel):
    """One change that the watch saw. `manifest` is None for a deletion; `at` is when the watch saw it."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    ref: ObjectRef
    manifest: Manifest | None
    previous: Manifest | None
    at: datetime


class ClusterFeed(Protocol):
    """The watch side of a cluster: keeps the cache in step and tells what changed."""

    async def run(self) -> None:
        """Watch until cancelled, re-listing after gaps (410, lost connections)."""

    async def synced(self) -> None:
        """Returns once the first listing of every kind is complete."""

    def changes(self) -> AsyncIterator[list[Change]]:
        """Changes in batches, to each caller from now on; a slow reader gets them merged by object, never blocks the watch."""


class JournalEntry(BaseModel):
    """What the journal knows of an action: the prepared receipt, and whether it was carried out."""

    receipt: Receipt
    done: bool
    error: str = ""


class Memory(Protocol):
    """The database of incidents, actions, evidence and what was learned. Every write is idempotent by its key.

    All methods raise Unavailable when the database does not answer.
    """

    async def ready(self) -> None: ...

    async def open_incident(self, record: IncidentRecord) -> None:
        """Make sure that the incident has a row (status OPEN)."""

    async def save_incident(self, record: IncidentRecord) -> None:
        """Write the whole story: row, attempts' verdicts and verification, timings, memory chunk."""

    async def put_evidence(self, incident_id: str, kind: str, content: Any) -> str:
        """Store a large piece of evidence (JSON, compressed); the id is derived from the content."""

    async def get_evidence(self, evidence_id: str) -> Any | None: ...

    async def journal(self, key: str) -> JournalEntry | None:
        """The entry of an idempotency key."""

    async def begin_action(self, incident_id: str, receipt: Receipt, verdict: Verdict | None) -> Receipt:
        """Write the prepared receipt before anything changes. When the key is there already, the first receipt wins
        and is returned."""

    async def end_action(self, key: str, receipt: Receipt | None, error: str = "") -> None:
        """Record the result: the receipt of success, or the error."""


class Archived(BaseModel):
    """A finished incident as the database has it: the record, the journal of its actions, and who was told what."""

    record: IncidentRecord
    journal: list[JournalEntry] = []
    told: list[Told] = []


class Noted(BaseModel):
    """A change of the engine itself, for `config_history`: who changed what, when and why. The same `id` is kept once."""

    id: str
    incident_id: str
    by: str
    reason: str
    target: str
    changes: dict[str, tuple[Any, Any]]
    at: datetime


class Archive(Protocol):
    """Finished incidents, and what follows them. All methods raise Unavailable when the database does not answer."""

    async def archived(self, incident_id: str) -> Archived:
        """Raises TargetNotFound, or Invalid when another version wrote what cannot be read."""

    async def save_follow_up(self, record: PostIncidentRecord) -> None:
        """Write how the follow-up stands; a later state replaces an earlier one."""

    async def note(self, noted: Noted) -> None:
        """Keep a change of the engine itself."""


class Prober(Protocol):
    """Whether what the services need from outside is there."""

    async def ask(self, dependencies: Sequence[Dependency]) -> list[Place]:
        """How each was found; never raises."""


class OnCall(Protocol):
    """How people are told."""

    async def call(self, call: Call) -> list[str]:
        """Tell whoever the level stands for; returns who was told. A step that was told is not told again.

        Raises Unavailable when nobody could be reached (tried again).
        """


class Revision(BaseModel):
    """One recorded state of an object's spec. `content` is None when it was deleted; Secrets are encrypted or hashes only."""

    model_config = ConfigDict(frozen=True)

    id: str
    ref: ObjectRef
    uid: str
    at: datetime
    manager: str = ""
    content: dict[str, Any] | None
    restorable: bool = True


class Ledger(Protocol):
    """The history of watched objects."""

    async def record(self, changes: Sequence[Change]) -> None:
        """Append what changed in spec or data (status is left out); the same content again adds nothing."""

    async def last(self, ref: ObjectRef, existing: bool = True) -> Revision | None:
        """The newest revision; with `existing` the newest in which the object was there."""

    async def content(self, revision_id: str) -> Manifest:
        """The full manifest to restore. Raises TargetNotFound, Irreversible (values were never kept)."""


class HealthPeriod(BaseModel):
    """A time on end in which an object was healthy and nothing reported it; `until` None: as far as is known, still."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    until: datetime | None = None


@runtime_checkable
class History(Protocol):
    """What the ledger can tell of the past beside single objects. A ledger that cannot is used without."""

    async def changed(self, namespace: str, since: datetime) -> list[Revision]:
        """The newest revisions of what changed at or after `since` in a namespace ("": all) or cluster-wide, each object's
        in order, with at least one from before when there is one."""

    async def reconcile(self, present: Iterable[ObjectRef], at: datetime | None = None) -> int:
        """Record as deleted what the ledger knows and a complete listing has not; returns how many."""

    async def health(self, refs: Iterable[ObjectRef] | None = None) -> dict[ObjectRef, list[HealthPeriod]]:
        """The last healthy periods of these objects (None: of all), oldest first."""

    async def mark(self, periods: Mapping[ObjectRef, Sequence[HealthPeriod]], seen_at: datetime) -> None:
        """Replace the periods of these objects, and note that everything else stood as known until `seen_at`."""

    async def seen_at(self) -> datetime | None:
        """When the watch last said that it is there."""


@runtime_checkable
class Prunable(Protocol):
    """A memory that can forget."""

    async def prune(self, older_than: datetime) -> int:
        """Delete what is from before and nobody needs any more; returns how many rows. Raises Unavailable."""


class Governor(Protocol):
    """Durable limits on the whole engine: whose turn it is to change something. All methods raise Unavailable."""

    async def standing(self, cluster: str, namespace: str, now: datetime) -> Standing:
        """How things stand for a namespace ("": what belongs to none)."""

    async def admit(self, turn: Turn) -> Admission:
        """Whether this change may begin now. Idempotent: a turn that is held stays held, and is counted once."""

    async def release(self, holder: str, incident_id: str = "") -> list[str]:
        """Give the turn back, or the place in the queue; returns the holders whose turn it is now, in order.
        `incident_id`: only if it is still that incident's."""

    async def silent(self) -> list[tuple[str, str]]:
        """A few holders, granted or waiting, that were not heard of for longer than their lease, with their incident ids;
        each gets another lease, so that nobody else asks after them meanwhile."""

    async def throw(self, switch: Switch) -> None:
        """Stop, freeze or begin maintenance; the same kind and name again replaces the one that holds."""

    async def lift(self, kind: SwitchKind, name: str, by: str) -> tuple[bool, list[str]]:
        """End it: whether it held, and all holders that should be called because of it."""

    async def overview(self, cluster: str, namespace: str = "") -> Overview:
        """Who holds, who waits and why, what is used up, which switches hold."""


class Counters(Protocol):
    """What is counted for the metrics page."""

    def record_incident(self, record: IncidentRecord) -> None:
        """An incident has ended."""

    def record_action(self, kind: str, result: str) -> None:
        """An action was carried out ("success"), failed ("failed") or was not begun ("refused")."""

    def record_admission(self, result: str) -> None:
        """The governor has answered: granted, wait, ask or stopped."""


class Incidents(Protocol):
    """How reports reach workflows: the Temporal side of every signal source."""

    async def report(self, target: Target, batch: ReportBatch) -> str:
        """Signal-with-start; returns the workflow id once the server has it. Raises Unavailable."""

    async def resolved(self, target: Target, batch: ReportBatch) -> bool:
        """Tell a running incident that its alerts are resolved; False when none is running (none is started for it)."""


class IncidentServer(Incidents, Protocol):
    """The server behind the incidents: also what health checks, metrics and other incidents ask."""

    async def is_open(self, target: Target) -> bool:
        """Whether an incident of this target is being worked on (running, and without an outcome so far)."""

    async def runs(self, workflow_id: str) -> bool:
        """Whether this incident's workflow runs. Raises Unavailable."""

    async def call(self, workflow_id: str) -> bool:
        """Tell a waiting incident that it is its turn; False when it does not run any more. Raises Unavailable."""

    async def ready(self) -> None:
        """Returns when Temporal answers; raises Unavailable otherwise."""

    async def open_count(self) -> int:
        """How many incidents run now."""

    async def waiting_count(self, longer_than: float, called: bool = False) -> int:
        """How many incidents wait for a person (`called`: whom they have called) and began more than so many seconds ago;
        0 when the server cannot tell."""

    async def worker_counts(self) -> dict[str, int]:
        """How many workers take work from each of the engine's task queues."""

    def link(self, workflow_id: str) -> str:
        """The incident's page in Temporal's web interface; empty when that is not known."""


class Notifier(Protocol):
    """Reaches people. A contact may have several ways (mail, chat, pager); each is sent to on its own."""

    def ways(self, contact: str) -> Sequence[str]:
        """Names of the contact's ways, without secrets; none when nobody is known by that name."""

    async def send(self, way: str, message: Message) -> None:
        """Returns when the receiver has accepted; raises Unavailable, without the address, when it has not."""


class Links(Protocol):
    """Where a person can answer on a page: addresses by what they do, made for one way of one contact (`ann`, `ann#2`).

    They are made where the message is sent, and are in no history and no database.
    """

    def __call__(self, notice: Notice, way: str) -> Mapping[str, str]: ...


class Claim(StrEnum):
    """What the journal says to whoever wants to send."""

    MINE = "mine"  # send, then settle
    SENT = "sent"  # it was accepted before
    UNKNOWN = "unknown"  # whoever claimed it before died: perhaps it was sent, so it never is again
    BUSY = "busy"  # somebody is sending it at this moment


class NotificationJournal(Protocol):
    """Who was told what: a step is claimed before it is sent to a way, and a claim counts for ever.

    All methods raise Unavailable when the database does not answer.
    """

    async def claim(self, incident_id: str, step: str, way: str, owner: str, subject: str) -> Claim:
        """`owner` is WHO/TRY: a claim of an earlier try of the same WHO belongs to somebody who is dead."""

    async def settle(self, incident_id: str, step: str, way: str, owner: str, error: str = "") -> None:
        """Record that a claimed message was accepted, or why it was not: then it may be claimed again."""


class Desk(Protocol):
    """Where people look at incidents and decide about them."""

    async def listing(self, wanted: Wanted) -> Listing:
        """What waits for people first, then what runs, then what has ended; never fails, but notes what is missing."""

    async def look(self, word: str) -> Seen:
        """An incident by its id, the beginning of it, or its workflow's id. Raises TargetNotFound, Invalid, Unavailable."""

    async def evidence(self, record: IncidentRecord) -> Any | None:
        """What diagnosis saw, as JSON; None when there is none. Raises Unavailable."""

    async def decide(self, workflow_id: str, decision: Decision) -> str:
        """The engine's answer to a person's word. Raises Declined with the reason, TargetNotFound, Unavailable."""


class Audit(Protocol):
    """Who did what: a log that only grows, and the one-time links that have served. All methods raise Unavailable."""

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Add a line; returns once it is kept."""

    async def entries(
        self, limit: int = 100, before: int | None = None, subject: str = "", by: str = ""
    ) -> list[AuditRow]:
        """The newest lines first; `before` is the number of the line to go on from."""

    async def verify(self, head: str = "") -> AuditCheck:
        """Check that no line was changed, and, with `head`, that the line with this hash is still there."""

    async def use(self, link: str) -> bool:
        """Mark a one-time link as used; False when it was before."""

    async def release(self, link: str) -> None:
        """The link did not serve after all."""

    async def used(self, link: str) -> bool:
        """Whether a one-time link has served."""


class LogAnalyser(Protocol):
    """What makes evidence of logs."""

    def analyse(self, logs: Mapping[str, Iterable[str]]) -> LogAnalysis:
        """Templates, families of errors and the causal chain in lines, given by the service that wrote them."""


class Metrics(Protocol):
    """A store of metrics over time."""

    async def query_range(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """All series of a query; times in seconds since 1970. Raises Invalid for a wrong query, Unavailable otherwise."""


class MetricJudge(Protocol):
    """What says which series are strange, soon full or soon over."""

    def judge(
        self, rule: ScanRule, series: Sequence[Series], now: float, since: float | None = None
    ) -> list[Finding]:
        """At most one finding a target; blocking. `since` is when the rule began to fire: what came later teaches nothing.
        Raises Invalid when the series cannot be judged."""


class Classifier(Protocol):
    """Tells what type of failure a log shows."""

    def classify(self, failure: Failure, explain: bool = False) -> FailureClass:
        """The type with calibrated probabilities; with `explain` also the words that decided. Takes any text and never
        raises for one: what holds nothing to go by is abstained from."""


class ModelRegistry(Protocol):
    """Versions of the models and their stages. All methods raise Unavailable when the registry does not answer."""

    async def register(self, model: ModelVersion) -> ModelVersion:
        """Add a candidate under the next number; the same artefact again returns what is there. Raises Invalid."""

    async def versions(self, name: str) -> list[ModelVersion]:
        """Every version of a name, oldest first."""

    async def champion(self, name: str) -> ModelVersion | None:
        """The version that is used; None when none was promoted."""

    async def promote(self, name: str, version: int, stage: ModelStage, by: str, why: str) -> ModelVersion:
        """Move a version to a stage; a new champion archives the one before. Raises Invalid."""

    async def roll_back(self, name: str, by: str, why: str) -> ModelVersion:
        """Make the champion before the present one champion again. Raises Invalid when there was none."""

    async def history(self, name: str) -> list[Transition]:
        """Every change of a stage, oldest first."""

    async def lineage(self, name: str, version: int) -> list[ModelVersion]:
        """The version and its ancestors, newest first. Raises Invalid for an unknown version."""


class Experiments(Protocol):
    """Experiments and their outcomes. All methods raise Unavailable when the database does not answer."""

    async def create(self, experiment: Experiment, by: str) -> None:
        """Begin it; the same definition again changes nothing. Raises Invalid for another one under the same id."""

    async def record(self, experiment: str, variant: str, unit: str, success: bool) -> None:
        """Count an outcome; a unit counts once for each variant. Raises Invalid for an unknown or ended experiment."""

    async def end(self, experiment: str, why: str) -> None:
        """Stop it; its outcomes stay. Raises Invalid for an unknown one."""

    async def state(self, experiment: str) -> ExperimentState:
        """Definition, status and outcomes. Raises Invalid for an unknown one."""

    async def running(self) -> list[Experiment]:
        """Every experiment that runs, by id."""
