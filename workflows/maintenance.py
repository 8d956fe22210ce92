"""The workflow `MaintenanceMode`: on, until a person or the clock ends it; what it changed is really taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from suture.domain.action import Patch
    from suture.domain.emergency import (
        ConfigMapSwitch,
        End,
        MaintenancePhase,
        MaintenanceStart,
        MaintenanceStatus,
    )
    from suture.domain.governor import Switch, SwitchKind
    from suture.domain.incident import Attempt
    from suture.domain.plan import FieldEquals
    from suture.domain.stages import Outcome, Severity, Stage
    from workflows.acts import Acts, prepared, record_of
    from workflows.failures import cause_of
    from workflows.reading import clean, parse, read, refuse

NAME = "maintenance-mode"  # of the governor's switch: tells it apart from what people throw by hand
SEEN_SECONDS = 60.0  # until a change of the ConfigMap must be seen


@workflow.defn(name="MaintenanceMode")
class MaintenanceMode:
    """The switch of the governor and, where one is configured, a ConfigMap of the applications."""

    @workflow.init
    def __init__(self, start: Any = None) -> None:
        self.start = clean(read(MaintenanceStart, start))
        record = record_of(
            "Maintenance", self.start.cluster, self.start.by, self.start.reason, Severity.MEDIUM
        )
        self.state = MaintenanceStatus(
            by=self.start.by,
            reason=self.start.reason,
            since=workflow.info().start_time,
            until=self.start.until,
            record=record,
        )
        self.asked: End | None = None
        self.acts: Acts | None = None

    @workflow.run
    async def run(self, _start: Any = None) -> MaintenanceStatus:
        """Input: a MaintenanceStart. Returns how it ended."""
        acts = self.acts = Acts(self.state.record, await prepared(), self._show)
        acts.note(
            f"maintenance mode by {self.state.by}: {self.state.reason}", Stage.APPROVE, by=self.state.by
        )
        await acts.open()
        attempt = await self._begin(acts)
        if self.asked is None:
            self.state.phase = MaintenancePhase.ON
            await acts.save()
        await self._until_over()
        await self._end(acts, attempt)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state

    async def _begin(self, acts: Acts) -> Attempt | None:
        state = self.state
        await acts.throw(
            Switch(
                kind=SwitchKind.MAINTENANCE,
                name=NAME,
                by=state.by,
                reason=state.reason,
                since=state.since,
                until=state.until,
                namespaces=self.start.namespaces,
            )
        )
        switch = acts.prepared.rules.maintenance
        if switch is None:
            return None
        attempt = acts.attempt(f"maintenance: {state.reason}", [self._patch(switch)])
        try:
            await acts.execute(attempt, 0)
        except ActivityError as e:
            await self._trouble(acts, f"the applications could not be told: {cause_of(e)}")
            return None
        finally:
            await acts.release()
        held = await acts.hold(
            [FieldEquals(object=switch.object, path=f"data.{switch.key}", value=switch.value)],
            0,
            SEEN_SECONDS,
        )
        acts.note("the applications are told" if held.ok else "; ".join(held.failing), Stage.VERIFY)
        return attempt

    def _patch(self, switch: ConfigMapSwitch) -> Patch:
        said = {switch.key: switch.value}
        if switch.message_key:
            rules = self.acts.prepared.rules if self.acts else None
            said[switch.message_key] = self.start.message or (rules.message if rules else "")
        return Patch(
            object=switch.object,
            patch_type="merge",
            body={"data": said},
            note=f"maintenance mode in {switch.object}",
        )

    async def _until_over(self) -> None:
        """A person's word, or the clock."""
        until = self.state.until
        seconds = max(0.0, (until - workflow.now()).total_seconds()) if until else None
        try:
            await workflow.wait_condition(
                lambda: self.asked is not None,
                timeout=None if seconds is None else timedelta(seconds=seconds),
                timeout_summary="maintenance mode ends by itself" if until else None,
            )
        except TimeoutError:
            self.asked = End(by="the clock", reason=f"it was to last until {until:%Y-%m-%d %H:%M} UTC")

    async def _end(self, acts: Acts, attempt: Attempt | None) -> None:
        state, asked = self.state, self.asked or End(by="nobody")
        state.phase, state.ended_by = MaintenancePhase.ENDING, asked.by
        acts.note(f"ended by {asked.by}: {asked.reason}", Stage.APPROVE, by=asked.by)
        if attempt is not None:
            await self._take_back(acts, attempt)
        await acts.lift(SwitchKind.MAINTENANCE, NAME, asked.by, asked.reason)
        state.phase = MaintenancePhase.OFF
        outcome = Outcome.ESCALATED if state.problem else Outcome.HEALED
        await acts.end(
            outcome,
            f"maintenance by {state.by}, ended by {asked.by}"
            + (f"; {state.problem}" if state.problem else ""),
        )

    async def _take_back(self, acts: Acts, attempt: Attempt) -> None:
        """Undo by the receipt, and look whether every field is as it was."""
        left = await acts.undo(attempt)
        before = [
            FieldEquals(object=r.action.object, path=path, value=was)
            for r in attempt.receipts
            for path, (was, _) in r.changes.items()
        ]
        if not left and before:
            left = (await acts.hold(before, 0, SEEN_SECONDS)).failing
        attempt.verified, attempt.ended_at = not left, acts.now
        attempt.result = "; ".join(left) or "everything is as it was before"
        acts.note(attempt.result, Stage.VERIFY)
        if left:
            await self._trouble(acts, f"the applications may still be in maintenance: {attempt.result}")

    async def _trouble(self, acts: Acts, problem: str) -> None:
        self.state.problem = problem
        acts.note(problem)
        await acts.call(f"maintenance/{self.state.phase}", "L1", "maintenance mode needs a person", problem)

    def _show(self) -> None:
        record, state = self.state.record, self.state
        lines = [f"- `{e.at:%H:%M:%S}` **{e.stage}** {e.text}" for e in record.timeline[-25:]]
        until = f"{state.until:%Y-%m-%d %H:%M} UTC" if state.until else "somebody ends it"
        head = f"**maintenance {state.phase}** by {state.by} until {until}: {state.reason}"
        workflow.set_current_details("\n".join([head, "", *lines]))

    @workflow.signal
    def off(self, end: Any = None) -> None:
        """End it. Input: an End."""
        try:
            said = parse(End, end)
        except ValueError as e:
            workflow.logger.warning("off by signal has no effect: %s", e)
            return
        if not self._refuses_off(said):
            self.asked = clean(said)

    @workflow.update(name="end")
    def end_it(self, end: Any = None) -> str:
        """The same as the signal `off`, with an answer. Input: an End."""
        self.asked = clean(read(End, end))
        return f"maintenance mode ends, by {self.asked.by}"

    @end_it.validator
    def _validate_end(self, end: Any = None) -> None:
        refuse(self._refuses_off, parse(End, end))

    def _refuses_off(self, _said: End) -> str:
        by = self.asked.by if self.asked else self.state.ended_by
        return f"it is being ended by {by}" if by else ""

    @workflow.signal
    def turn(self) -> None:
        """The governor calls: it may be our turn."""
        if self.acts:
            self.acts.called = True

    @workflow.query
    def status(self) -> MaintenanceStatus:
        """How it stands."""
        return self.state
