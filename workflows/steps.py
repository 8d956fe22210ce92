"""The stages as calls: which activity, where it runs, how long it may take and how often it is tried."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.approve import Approve
from activities.classify import Classify, ClassifyRequest, MeasureRequest
from activities.detect import Detect, DetectRequest
from activities.execute import Execute, ExecuteRequest
from activities.memorize import Memorize, MemorizeRequest
from activities.notify import Notified, Notify, NotifyRequest
from activities.release import Release, ReleaseRequest
from activities.route import Route, RouteRequest
from activities.verify import Verification, Verify, VerifyRequest
from suture.domain.action import Receipt
from suture.domain.decision import Routing, Verdict
from suture.domain.diagnosis import Classification, Detection, Hypothesis, Symptom
from suture.domain.facts import Facts
from suture.domain.impact import Impact
from suture.domain.incident import IncidentRecord, Options
from suture.domain.notice import Notice
from suture.domain.plan import Plan
from suture.ports import JournalEntry
from workflows.story import Story

READ = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
)
WRITE = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=2)
)
KEEP_TRYING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
HEARTBEAT = timedelta(seconds=15)
LOOK = 30.0  # seconds that a look may take when nothing depends on it
NOTIFY = timedelta(minutes=30)  # how long a receiver that does not accept is tried
NOTIFY_BEAT = timedelta(seconds=10)  # a worker that dies while it sends is missed after this


async def options() -> Options:
    """The installation's options, for incidents that were started by hand."""
    return await workflow.execute_local_activity_method(
        Approve.options, start_to_close_timeout=timedelta(seconds=10)
    )


async def detect(story: Story, patience: float | None = None) -> Detection:
    """`patience`: seconds that an answer is waited for, when that is shorter than usual."""
    record = story.record.model_copy(update={"timeline": [], "attempts": [], "votes": []})
    longest = min(patience or story.options.unreachable_after, story.options.unreachable_after)
    detection = await workflow.execute_activity_method(
        Detect.detect,
        DetectRequest(record=record, first_seen=record.timings.started_at),
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=timedelta(seconds=longest),
        retry_policy=READ,
        summary=f"is {story.record.target} in trouble?",
    )
    story.record.looked_at = story.now
    return detection


async def classify(story: Story) -> Classification:
    return await workflow.execute_activity_method(
        Classify.classify,
        ClassifyRequest(
            target=story.record.target,
            reports=story.record.reports,
            first_seen=story.record.timings.started_at,
        ),
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=timedelta(seconds=story.options.unreachable_after),
        retry_policy=READ,
        summary=f"why is {story.record.target} in trouble?",
    )


async def measure(story: Story, plan: Plan) -> Impact:
    """How far a plan reaches that a person has edited."""
    return await workflow.execute_activity_method(
        Classify.measure,
        MeasureRequest(target=story.record.target, plan=plan),
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=timedelta(seconds=LOOK),
        retry_policy=READ,
        summary=f"how far it reaches to {plan.describe()}",
    )


async def route(story: Story, hypothesis: Hypothesis, ai_confidence: float | None) -> Routing:
    return await workflow.execute_local_activity_method(
        Route.route,
        RouteRequest(hypothesis=hypothesis, severity=story.record.severity, ai_confidence=ai_confidence),
        start_to_close_timeout=timedelta(seconds=10),
        summary="who decides",
    )


async def approve(story: Story, facts: Facts) -> Verdict:
    return await workflow.execute_local_activity_method(
        Approve.approve,
        facts,
        start_to_close_timeout=timedelta(seconds=10),
        summary="what guardrails and policies say",
    )


async def execute(
    story: Story, request: ExecuteRequest, timeout_seconds: float, patience: float = 0.0
) -> Receipt:
    """`patience`: how many seconds on end it may be tried, when that is longer than two times the timeout."""
    timeout = timedelta(seconds=timeout_seconds)
    return await workflow.execute_activity_method(
        Execute.execute,
        request,
        task_queue=story.options.actions_queue or None,
        start_to_close_timeout=timeout,
        schedule_to_close_timeout=max(timeout * 2, timedelta(seconds=patience)),
        retry_policy=WRITE,
        summary=("undo: " if request.undo else "") + request.action.describe(),
    )


async def preview(story: Story, request: ExecuteRequest) -> Receipt:
    """What an action would change, by the server's dry run."""
    return await workflow.execute_activity_method(
        Execute.preview,
        request,
        task_queue=story.options.actions_queue or None,
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=timedelta(seconds=story.options.unreachable_after),
        retry_policy=READ,
        summary=f"what would change: {request.action.describe()}",
    )


async def release(story: Story) -> None:
    """Give the turn back. Where that fails for long the lease ends it."""
    await workflow.execute_activity_method(
        Release.release,
        ReleaseRequest(holder=story.record.workflow_id),
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=timedelta(seconds=story.options.unreachable_after),
        retry_policy=READ,
        summary="the next one's turn",
    )


async def recall(story: Story, key: str) -> JournalEntry | None:
    """What the journal knows of an action that gave no answer."""
    return await workflow.execute_activity_method(
        Execute.recall,
        key,
        task_queue=story.options.actions_queue or None,
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=timedelta(seconds=story.options.unreachable_after),
        retry_policy=READ,
        summary="was it done?",
    )


def verify(
    story: Story, plan: Plan, acted_at: datetime, stable_for: float, before: list[Symptom]
) -> workflow.ActivityHandle[Verification]:
    timeout = story.options.verify_timeout
    longest = timeout + stable_for + 60
    return workflow.start_activity_method(
        Verify.verify,
        VerifyRequest(
            target=story.record.target,
            plan=plan,
            stable_for=stable_for,
            timeout=timeout,
            acted_at=acted_at,
            symptoms=story.record.symptoms,
            before=before,
        ),
        start_to_close_timeout=timedelta(seconds=longest),
        schedule_to_close_timeout=timedelta(seconds=longest + story.options.unreachable_after),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=READ,
        summary=f"does it help, and for {stable_for:g} s on end?",
    )


async def memorize(record: IncidentRecord, again: bool = False) -> None:
    """`again`: it was counted when it was memorized first."""
    await workflow.execute_activity_method(
        Memorize.memorize,
        MemorizeRequest(record=record, again=again),
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=KEEP_TRYING,
        summary="remember it",
    )


def notify(notice: Notice, step: str, contacts: list[str]) -> workflow.ActivityHandle[Notified]:
    """Begin to tell a level's contacts; the step's name is what keeps anybody from being told twice."""
    return workflow.start_activity_method(
        Notify.notify,
        NotifyRequest(notice=notice, step=step, contacts=contacts),
        start_to_close_timeout=timedelta(seconds=45),
        schedule_to_close_timeout=NOTIFY,
        heartbeat_timeout=NOTIFY_BEAT,
        retry_policy=KEEP_TRYING,
        summary=f"calls {notice.title}",
    )
