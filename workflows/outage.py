"""The workflow `MassOutage`: nothing acts, everybody is called, and services come back group by group at people's word."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.emergency import EmergencyWork
    from suture.domain.action import RestartRollout
    from suture.domain.emergency import (
        Confirm,
        End,
        GroupStatus,
        OutagePhase,
        OutageStart,
        OutageStatus,
        Prepared,
        Restore,
        StepStatus,
        Survey,
    )
    from suture.domain.governor import Switch, SwitchKind
    from suture.domain.incident import Options
    from suture.domain.plan import WorkloadHealthy
    from suture.domain.post_incident import LEVELS
    from suture.domain.stages import Outcome, Severity, Stage
    from workflows.acts import KEEP_TRYING, Acts, prepared, record_of
    from workflows.failures import cause_of
    from workflows.post_incident import follow_up
    from workflows.reading import clean, parse, read, refuse

NAME = "mass-outage"
LOOK = timedelta(seconds=60)


@workflow.defn(name="MassOutage")
class MassOutage:
    """The global stop holds until the restoration begins; from then on a freeze lets only approved plans run."""

    @workflow.init
    def __init__(self, start: Any = None) -> None:
        self.start = clean(read(OutageStart, start))
        carried = self.start.carried if workflow.info().continued_run_id else None
        self.state = carried or OutageStatus(
            by=self.start.by,
            reason=self.start.reason,
            since=workflow.info().start_time,
            record=record_of(
                "MassOutage", self.start.cluster, self.start.by, self.start.reason, Severity.CRITICAL
            ),
        )
        self.asked: End | None = None
        self.changed = False
        self.calling: asyncio.Future[None] | None = None
        self.acts: Acts | None = None

    @workflow.run
    async def run(self, _start: Any = None) -> OutageStatus:
        """Input: an OutageStart. Returns how it ended."""
        state = self.state
        first = state.prepared is None
        ready = state.prepared = state.prepared or await prepared()
        acts = self.acts = Acts(state.record, ready, self._show)
        if first:
            await self._begin(acts, ready)
        while self.asked is None:
            group = state.next_group
            if group and group.state == "approved":
                await self._restore(acts, group)
            else:
                await self._look(acts, ready)
                await self._wait(ready)
        await self._call_nobody_else(acts)
        await self._end(acts, self.asked)
        await follow_up(state.record, Options(post_incident=ready.post_incident))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    async def _begin(self, acts: Acts, ready: Prepared) -> None:
        """Stop first, then call: what is stopped can do no harm while people wake up."""
        state = self.state
        state.groups = [GroupStatus(name=g.name, targets=g.targets) for g in ready.rules.restore]
        state.steps = [StepStatus(**s.model_dump()) for s in ready.rules.guided]
        acts.note(f"mass outage by {state.by}: {state.reason}", Stage.APPROVE, by=state.by)
        await acts.open()
        await acts.throw(self._switch(SwitchKind.STOP, state.by, state.reason))
        await self._look(acts, ready)
        self.calling = asyncio.ensure_future(
            self._call_everybody(acts)
        )  # nobody waits for who cannot be reached
        await acts.save()

    async def _call_everybody(self, acts: Acts) -> None:
        subject = f"mass outage of {self.state.record.target.cluster}: {self.state.reason}"

        async def call(level: str) -> None:
            self.state.called[level] = await acts.call(
                f"mass-outage/{level}", level, subject, self._in_words()
            )

        await asyncio.gather(*map(call, LEVELS))

    async def _call_nobody_else(self, acts: Acts) -> None:
        if self.calling is None or self.calling.done():
            return
        self.calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.calling
        acts.note("who was not reached so far is not called any more")

    def _switch(self, kind: SwitchKind, by: str, reason: str) -> Switch:
        return Switch(kind=kind, name=NAME, by=by, reason=reason, since=workflow.now())

    async def _look(self, acts: Acts, ready: Prepared) -> None:
        found: Survey = await workflow.execute_activity_method(
            EmergencyWork.survey,
            ready.rules.dependencies,
            start_to_close_timeout=LOOK,
            retry_policy=KEEP_TRYING,
            summary="how the infrastructure looks",
        )
        before, self.state.survey = self.state.survey, found
        if before is None or _brief(before) != _brief(found):
            acts.note(_brief(found), Stage.DETECT)
        self._show()

    async def _wait(self, ready: Prepared) -> None:
        """Until somebody says something, or it is time to look again."""
        try:
            await workflow.wait_condition(
                lambda: self.changed or self.asked is not None,
                timeout=timedelta(seconds=ready.rules.look_every),
                timeout_summary="looks again",
            )
        except TimeoutError:
            if workflow.info().is_continue_as_new_suggested() and (not self.calling or self.calling.done()):
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(self.start.model_copy(update={"carried": self.state}))
        self.changed = False

    async def _restore(self, acts: Acts, group: GroupStatus) -> None:
        """Restart a group, and wait until all of it is healthy; a failure waits for a person again."""
        await self._let_approved_act(acts, group)
        group.state = "restarting"
        actions = [RestartRollout(object=ref) for ref in group.targets]
        checks = [WorkloadHealthy(object=ref) for ref in group.targets]
        attempt = acts.attempt(f"restoration of {group.name}, approved by {group.by}", actions, checks)
        try:
            for step in range(len(actions)):
                await acts.execute(attempt, step)
            group.state = "verifying"
            rules = acts.prepared.rules
            held = await acts.hold(checks, rules.stable_for, rules.verify_seconds)
            failing = held.failing
        except ActivityError as e:
            failing = [cause_of(e)]
        finally:
            await acts.release()
        attempt.verified, attempt.ended_at = not failing, acts.now
        attempt.result = group.said = "; ".join(failing) or "healthy"
        group.state = "failed" if failing else "healthy"
        acts.note(f"{group.name}: {group.said}", Stage.VERIFY)
        await acts.save()
        if failing:
            self.state.everything = False
            step_name = f"mass-outage/{group.name}/{group.tries}"
            await acts.call(step_name, "L1", f"{group.name} does not come back", group.said)
        elif self.state.everything:
            self._approve_next(group.by)

    async def _let_approved_act(self, acts: Acts, group: GroupStatus) -> None:
        """The stop would hold back the restoration too: a freeze takes its place, under which only approved plans run."""
        if self.state.phase is OutagePhase.RESTORING:
            return
        await acts.throw(
            self._switch(SwitchKind.FREEZE, group.by, f"services are being restored: {self.state.reason}")
        )
        await acts.lift(SwitchKind.STOP, NAME, group.by, "the restoration begins")
        self.state.phase = OutagePhase.RESTORING

    def _approve_next(self, by: str) -> None:
        group = self.state.next_group
        if group is not None:
            group.state, group.by, group.tries = "approved", by, group.tries + 1

    async def _end(self, acts: Acts, asked: End) -> None:
        state = self.state
        state.phase, state.ended_by = OutagePhase.ENDED, asked.by
        acts.note(f"ended by {asked.by}: {asked.reason}", Stage.APPROVE, by=asked.by)
        for kind in (SwitchKind.FREEZE, SwitchKind.STOP):
            await acts.lift(kind, NAME, asked.by, asked.reason)
        healthy = bool(state.groups) and all(g.state == "healthy" for g in state.groups)
        if healthy:
            state.record.timings.healed_at = acts.now
        words = ", ".join(f"{g.name} {g.state}" for g in state.groups) or "no restoration was prepared"
        outcome = Outcome.HEALED if healthy else Outcome.ESCALATED
        await acts.end(outcome, f"{state.reason}; ended by {asked.by}; {words}")

    def _in_words(self) -> str:
        found = _brief(self.state.survey) if self.state.survey else ""
        return f"Nothing acts until a person says so.\n{found}\nsuture emergency status"

    def _show(self) -> None:
        state = self.state
        lines = [f"- {g.name}: {g.state} {g.said}".rstrip() for g in state.groups]
        lines += [f"- `{e.at:%H:%M:%S}` **{e.stage}** {e.text}" for e in state.record.timeline[-15:]]
        head = f"**mass outage, {state.phase}** by {state.by}: {state.reason}"
        workflow.set_current_details("\n".join([head, "", *lines]))

    # what people say
    @workflow.update
    def restore(self, said: Any = None) -> str:
        """Approve or skip the next group. Input: a Restore."""
        word = clean(read(Restore, said))
        group = self.state.next_group
        assert group is not None  # noqa: S101 - the validator has seen it
        group.by, self.changed = word.by, True
        self.state.everything = word.everything or (
            self.acts is not None and not self.acts.prepared.rules.approve_each and not word.skip
        )
        if word.skip:
            group.state, group.said = "skipped", word.reason
        else:
            group.state, group.tries = "approved", group.tries + 1
        verb = "skips" if word.skip else "approves"
        if self.acts:
            self.acts.note(
                f"{word.by} {verb} {group.name}: {word.reason}", Stage.APPROVE, by=word.by, choice=verb
            )
        return f"{group.name} is {group.state}"

    @restore.validator
    def _validate_restore(self, said: Any = None) -> None:
        refuse(self._refuses_restore, parse(Restore, said))

    def _refuses_restore(self, said: Restore) -> str:
        ending = f"it is being ended by {self.asked.by}" if self.asked else ""
        return ending or self.state.refuses_restore(said)

    @workflow.update
    def confirm(self, said: Any = None) -> str:
        """A guided step is done. Input: a Confirm."""
        word = clean(read(Confirm, said))
        step = self.state.step(word.step)
        assert step is not None  # noqa: S101 - the validator has seen it
        step.done_at, step.done_by, step.note = workflow.now(), word.by, word.note
        self.changed = True
        if self.acts:
            self.acts.note(f"{word.by} has done {step.name}: {word.note or step.title}", by=word.by)
        return f"{step.name} done by {word.by}"

    @confirm.validator
    def _validate_confirm(self, said: Any = None) -> None:
        refuse(self.state.refuses_confirm, parse(Confirm, said))

    @workflow.update(name="end")
    def end_it(self, end: Any = None) -> str:
        """End it: the engine acts again. Input: an End."""
        self.asked = clean(read(End, end))
        return f"mass outage ends, by {self.asked.by}"

    @end_it.validator
    def _validate_end(self, end: Any = None) -> None:
        refuse(
            lambda _: f"it is being ended by {self.asked.by}" if self.asked else self.state.refuses_end(),
            parse(End, end),
        )

    @workflow.signal
    def turn(self) -> None:
        """The governor calls: it may be our turn."""
        if self.acts:
            self.acts.called = True

    @workflow.query
    def status(self) -> OutageStatus:
        """How it stands."""
        return self.state


def _brief(found: Survey) -> str:
    """The infrastructure in one line."""
    cluster = found.problem or (
        f"{len(found.nodes_not_ready)} of {found.nodes} nodes not ready; "
        f"{found.not_running} of {found.pods} pods not running"
    )
    away = [d.name for d in found.dependencies if not d.ok]
    names = f" ({', '.join(away)})" if away else ""
    return f"{cluster}; {len(away)} of {len(found.dependencies)} dependencies away{names}"
