"""The one place where ports meet adapters. Everything else is handed what it needs.

Adapters are imported inside the functions that need them: a process that only runs workflows then loads no database driver
and no Kubernetes library.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from temporalio.client import Client
from temporalio.worker import Worker

from activities.approve import Approve
from activities.classify import Classify
from activities.detect import Detect
from activities.emergency import EmergencyWork
from activities.execute import Execute
from activities.join import Join
from activities.memorize import Memorize
from activities.notify import Notify
from activities.post_incident import PostIncidentWork
from activities.release import Release
from activities.retention import Retention
from activities.route import Route
from activities.scan import Scan
from activities.telling import LevelOnCall, Teller
from activities.verify import Verify
from activities.watch import Watch
from policies import files
from policies.emergency import load_emergency
from policies.escalation import SHIPPED, EscalationFile, load_escalation
from policies.guardrails import Guardrails, Limits
from policies.limits import Limits as GovernorLimits
from policies.post_incident import load_post_incident
from policies.reload import Reloading
from policies.routing import RoutingRules
from policies.rules import ASK, AUTOPILOT
from policies.verdict import PolicyEngine
from suture.access import People
from suture.domain.emergency import Prepared
from suture.domain.incident import Options
from suture.domain.scan import ScanRules
from suture.ports import (
    Archive,
    Audit,
    Cluster,
    ClusterFeed,
    Counters,
    Desk,
    Governor,
    IncidentServer,
    Ledger,
    Links,
    Memory,
    Metrics,
    NotificationJournal,
    Notifier,
    OnCall,
    Prober,
)
from suture.settings import ACTIONS_QUEUE, TASK_QUEUE, Settings
from worker.plugin import SuturePlugin

if TYPE_CHECKING:
    from suture.api.server import Gateway
    from suture.ingest.prometheus import PrometheusMetrics
    from suture.memory.governor import OnStorm

GRACE = timedelta(seconds=10)  # running activities may finish before a worker ends
# how long a workflow waits for the worker that knows it, after that worker died
STICKY = timedelta(seconds=2)


class Role(StrEnum):
    """What a worker process does: split them to keep write credentials, and heavy libraries, in processes of their own."""

    ALL = "all"
    WORKFLOWS = "workflows"
    STAGES = "stages"
    ACTIONS = "actions"


@dataclass(frozen=True)
class Ports:
    """The world, as the activities see it."""

    cluster: Cluster
    feed: ClusterFeed
    memory: Memory
    ledger: Ledger
    incidents: IncidentServer
    counters: Counters
    archive: Archive
    on_call: OnCall
    notifier: Notifier
    notifications: NotificationJournal
    governor: Governor
    links: Links | None = None
    desk: Desk | None = None  # of who serves pages
    audit: Audit | None = None
    prober: Prober | None = None
    metrics: Metrics | None = None  # where a Prometheus is asked


@asynccontextmanager
async def connect_ports(
    settings: Settings, client: Client, chosen: Options, ui: str = ""
) -> AsyncIterator[Ports]:
    """Adapters for the settings, closed at the end. Raises Unavailable, Forbidden or ValueError with what to do."""
    from suture.access import People
    from suture.desk import Desk
    from suture.ingest.conversation import Conversation
    from suture.ingest.temporal import TemporalIncidents
    from suture.links import Links, NoticeLinks
    from suture.memory.archive import SqlArchive
    from suture.memory.audit import SqlAudit
    from suture.memory.governor import SqlGovernor
    from suture.memory.ledger import SqlLedger
    from suture.memory.notifications import SqlNotifications
    from suture.memory.store import SqlMemory
    from suture.sealing import Sealer
    from suture.targets.kubernetes import KubernetesCluster
    from suture.targets.kubernetes.client import Client as KubernetesClient
    from suture.targets.probe import HttpProber
    from suture.telemetry import METRICS
    from suture.telemetry.on_call import LogOnCall

    file = escalation_file(settings)
    notifier = notifier_of(file)  # an address that is missing must stop the start
    sealer = Sealer(settings.sealing_key())
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(await SqlMemory.connect(settings.database_url, sealer))
        notifications = SqlNotifications(memory.database)
        ledger = SqlLedger(memory.database, settings.cluster, sealer)
        kubernetes = await KubernetesClient.connect(settings.kubeconfig, settings.context)
        cluster = KubernetesCluster(settings.cluster, kubernetes, sealer, ledger, settings.watch_namespaces)
        stack.push_async_callback(cluster.close)
        await cluster.ready()
        incidents = TemporalIncidents(client, TASK_QUEUE, chosen, ui)
        metrics = metrics_of(settings)
        if metrics is not None:
            stack.push_async_callback(metrics.close)
        yield Ports(
            cluster=cluster,
            feed=cluster,
            memory=memory,
            ledger=ledger,
            incidents=incidents,
            counters=METRICS,
            metrics=metrics,
            archive=SqlArchive(memory),
            on_call=LevelOnCall(Teller(notifier, notifications), file, LogOnCall()),
            notifier=notifier,
            notifications=notifications,
            links=NoticeLinks(Links(settings.web_key(), settings.url), People(settings.access_file)),
            prober=HttpProber(),
            governor=SqlGovernor(memory.database, governor_limits(settings), storm_hook(settings, client)),
            desk=Desk(Conversation(client, chosen.search_attributes), memory),
            audit=SqlAudit(memory.database, settings.sealing_key()),
        )


async def prepare_server(client: Client) -> bool:
    """Create the search attributes where the server allows it; whether they can be used."""
    from suture.ingest.temporal import ensure_search_attributes

    return await ensure_search_attributes(client)


def gateway(settings: Settings, ports: Ports, sdk_metrics: str) -> Gateway:
    """The web side of this process; raises ValueError when it would be open to others without a token."""
    from suture.api.app import create_app
    from suture.api.auth import check_exposure
    from suture.api.governor_gauges import GovernorGauges
    from suture.api.own_health import OwnHealth
    from suture.api.policy_health import PolicyHealth
    from suture.api.server import Gateway
    from suture.api.site import Parts
    from suture.diagnosis.resolve import resolve
    from suture.ingest.targets import ClusterResolver
    from suture.telemetry import METRICS

    check_exposure(settings)
    rules = PolicyHealth(policies(settings).look)
    resolver = ClusterResolver(ports.cluster, resolve)
    health = {
        "temporal": ports.incidents.ready,
        "database": ports.memory.ready,
        "cluster": ports.cluster.ready,
        "policies": rules.check,
    }
    desk, audit = ports.desk, ports.audit
    parts = Parts(desk, audit, ports.cluster, ports.governor, ports.incidents) if desk and audit else None
    app = create_app(
        settings,
        ports.incidents,
        resolver,
        health,
        METRICS,
        sdk_metrics_url=sdk_metrics,
        link=ports.incidents.link,
        open_count=ports.incidents.open_count,
        gauges=[OwnHealth(ports.incidents), GovernorGauges(ports.governor, settings.cluster), rules],
        parts=parts,
    )
    return Gateway(app, settings)


def guardrails(settings: Settings) -> Guardrails:
    limits = Limits.load(settings.guardrails) if settings.guardrails else None
    return Guardrails(settings.protected_namespaces, limits)


def governor_limits(settings: Settings) -> GovernorLimits:
    """The governor's numbers; raises Invalid naming file and line."""
    return GovernorLimits.load(settings.governor) if settings.governor else GovernorLimits.load()


def policies(settings: Settings) -> Reloading:
    """The policies of the settings, taken up when they change; raises Invalid naming file and line. Without any, every
    change asks."""
    files = [*settings.policies, *([AUTOPILOT] if settings.autopilot else [])] or [ASK]
    rails, zone, people = guardrails(settings), ZoneInfo(settings.time_zone), People(settings.access_file)

    def eligible(roles: list[str]) -> list[str] | None:
        if not people.named:
            return None
        return list(dict.fromkeys(name for role in roles for name in people.eligible(role)))

    return Reloading(files, lambda read: PolicyEngine(read, rails, eligible, zone))


def escalation_file(settings: Settings) -> EscalationFile:
    """Who is called; raises Invalid naming file and line."""
    return load_escalation(settings.escalation or SHIPPED)


def notifier_of(file: EscalationFile) -> Notifier:
    """The way to the file's contacts; raises Invalid naming a contact without a usable address."""
    from suture.notify.contacts import resolve
    from suture.notify.sender import AppriseNotifier

    return AppriseNotifier(resolve(file.contacts))


def options(settings: Settings, role: Role, search_attributes: bool) -> Options:
    """The options that new incidents get. A process that does everything keeps actions on its own queue: they start sooner."""
    queue = settings.options.actions_queue or ("" if role is Role.ALL else ACTIONS_QUEUE)
    rules = settings.options.post_incident or load_post_incident(settings.post_incident)
    return settings.options.model_copy(
        update={
            "search_attributes": search_attributes,
            "actions_queue": queue,
            "post_incident": rules,
            "ladder": settings.options.ladder or escalation_file(settings).ladder,
        }
    )


def local_activities(settings: Settings, chosen: Options) -> list[Callable[..., Any]]:
    """Pure computation, run by the worker that runs the workflows."""
    approve = Approve(policies(settings), chosen)
    routing = RoutingRules.load(settings.routing) if settings.routing else RoutingRules.load()
    return [Route(routing).route, approve.approve, approve.options]


def prepared(settings: Settings, chosen: Options) -> Prepared:
    """What the installation has for emergencies; raises Invalid naming file and line."""
    return Prepared(
        rules=load_emergency(settings.emergency),
        cluster=settings.cluster,
        actions_queue=chosen.actions_queue,
        post_incident=chosen.post_incident,
    )


def storm_hook(settings: Settings, client: Client) -> OnStorm:
    """What the storm breaker calls: mass outage where the installation wants that, else the log."""
    from suture.ingest.emergency import on_storm
    from suture.memory.governor import log_storm

    return on_storm(client, settings.cluster) if load_emergency(settings.emergency).on_storm else log_storm


def emergency_activities(settings: Settings, chosen: Options, ports: Ports) -> list[Callable[..., Any]]:
    """What maintenance mode and mass outage do beside changing targets."""
    work = EmergencyWork(
        prepared(settings, chosen),
        ports.cluster,
        ports.memory,
        ports.archive,
        ports.governor,
        ports.incidents,
        ports.on_call,
        ports.prober,
    )
    return [
        work.prepared,
        work.open,
        work.save,
        work.throw,
        work.lift,
        work.call_level,
        work.survey,
        work.hold,
    ]


def stage_activities(settings: Settings, chosen: Options, ports: Ports) -> list[Callable[..., Any]]:
    """What reads and remembers."""
    after = PostIncidentWork(ports.memory, ports.archive, ports.on_call)
    release = Release(ports.governor, ports.incidents)
    return [
        *emergency_activities(settings, chosen, ports),
        after.draft,
        after.save,
        after.remind,
        Detect(ports.cluster, ports.memory, ports.ledger).detect,
        Classify(ports.cluster, ports.ledger, ports.governor).classify,
        Classify(ports.cluster, ports.ledger).measure,
        Verify(ports.cluster).verify,
        Memorize(ports.memory, ports.counters, release).memorize,
        release.release,
        Notify(Teller(ports.notifier, ports.notifications), ports.links).notify,
        Join(ports.incidents).join,
        Join(ports.incidents).is_open,
        Watch(ports.cluster, ports.feed, ports.ledger, ports.incidents).watch,
        Retention((ports.memory, ports.ledger)).prune,
        *scan_activities(settings, ports),
    ]


def metrics_of(settings: Settings) -> PrometheusMetrics | None:
    """The Prometheus of the settings, if any. Raises ValueError when a scan has nothing to ask, or Invalid for its rules."""
    if settings.scan and not settings.prometheus:
        raise ValueError(
            "SUTURE_SCAN names rules, but no Prometheus is named: set SUTURE_PROMETHEUS to its URL"
        )
    if not settings.prometheus:
        return None
    from suture.ingest.prometheus import PrometheusMetrics

    if settings.scan:
        scan_rules(settings.scan)  # a file that cannot be read must stop the start
    return PrometheusMetrics(settings.prometheus, settings.prometheus_token())


def scan_rules(file: Path) -> ScanRules:
    """The rules of a file; raises Invalid naming file and line."""
    return files.read(file, ScanRules, "file of scan rules")[0]


def scan_activities(settings: Settings, ports: Ports) -> list[Callable[..., Any]]:
    """The scan, where there are rules for it."""
    rules = settings.scan
    if rules is None or ports.metrics is None:
        return []
    from models.anomaly.judge import Judge
    from suture.diagnosis.resolve import resolve
    from suture.ingest.targets import ClusterResolver

    resolver = ClusterResolver(ports.cluster, resolve)
    return [Scan(ports.metrics, Judge(), ports.incidents, resolver, lambda: scan_rules(rules)).scan]


def action_activities(settings: Settings, ports: Ports) -> list[Callable[..., Any]]:
    """What changes targets."""
    rails = guardrails(settings)
    execute = Execute(ports.cluster, ports.memory, rails, ports.counters, ports.governor, ports.incidents)
    return [execute.execute, execute.preview, execute.recall]


def worker(
    client: Client,
    settings: Settings,
    role: Role,
    chosen: Options,
    ports: Ports | None,
    task_queue: str = TASK_QUEUE,
) -> Worker:
    """The worker of a role; only `workflows` can do without ports."""
    activities: list[Callable[..., Any]] = []
    if role in (Role.ALL, Role.WORKFLOWS):
        activities += local_activities(settings, chosen)
    if ports is not None and role in (Role.ALL, Role.STAGES):
        activities += stage_activities(settings, chosen, ports)
    if ports is not None and role in (Role.ALL, Role.ACTIONS):
        activities += action_activities(settings, ports)
    plugin = SuturePlugin(workflows=role in (Role.ALL, Role.WORKFLOWS))
    return Worker(
        client,
        task_queue=(chosen.actions_queue or ACTIONS_QUEUE) if role is Role.ACTIONS else task_queue,
        activities=activities,
        plugins=[plugin],
        no_remote_activities=role is Role.WORKFLOWS,
        max_cached_workflows=settings.workers_max_cached_workflows
        if role in (Role.ALL, Role.WORKFLOWS)
        else 0,
        max_concurrent_activities=settings.max_concurrent_actions if role is Role.ACTIONS else None,
        graceful_shutdown_timeout=GRACE,
        sticky_queue_schedule_to_start_timeout=STICKY,
    )
