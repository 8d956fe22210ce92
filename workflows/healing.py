"""From detect to verify: try the best hypothesis, undo what did not help, try the next, and call a person when none is left."""

from __future__ import annotations

from temporalio.exceptions import ActivityError

from suture.domain.decision import Decision, FallbackStep, Method, Mode, Verdict, VerdictKind
from suture.domain.diagnosis import Detection, Health, Hypothesis
from suture.domain.incident import Attempt, Phase
from suture.domain.stages import Outcome, Stage
from suture.domain.target import Target
from workflows import approval, joining, proposal, repair, steps, turn, visibility
from workflows.approval import Answer
from workflows.failures import cause_of
from workflows.story import Story

MAX_SYMPTOMS = 100  # of the target that the record keeps
MAX_STALE = 5  # times a plan may be overtaken by events before a person is called


class Healing:
    """The story between the first report and the outcome."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.record = story.record

    async def run(self) -> Outcome:
        """Returns how it ended; the timeline says why. Errors of reading end in an escalation, never in a stuck workflow."""
        try:
            return await self._run()
        except ActivityError as e:
            self.record.blind = True
            return self._escalate(f"the state cannot be read: {cause_of(e)}")

    async def _run(self) -> Outcome:
        outcome = await self._go_on()
        while outcome is None:
            await turn.release(self.story)
            await self.story.cut()
            detection = await self._detect()
            if self.story.told_to_stop and detection.health is not Health.HEALTHY:
                return self._stopped()
            if detection.health is not Health.UNHEALTHY:
                return self._well(detection)
            tried = len(self.record.attempts) - self.record.overtaken
            if tried >= self.story.options.max_attempts:
                return self._escalate(f"{tried} plans did not help")
            outcome = await self._attempt()
        return outcome

    async def _go_on(self) -> Outcome | None:
        """Take up what was under way when the history was cut: an attempt that waits, is verified, or is undone."""
        pending, last = self.record.pending, self.record.attempts[-1] if self.record.attempts else None
        if pending is not None and pending.verdict is not None:
            return await self._repair(pending, pending.verdict)
        if last is not None and self.record.undoing:
            return await self._undo(last)
        if last is not None and last.receipts and last.verified is None:
            return await self._verify(last)
        return None

    # detect
    async def _detect(self) -> Detection:
        """Look until it is clear; trouble that may heal itself gets its grace time."""
        with self.story.stage(Stage.DETECT):
            while True:
                detection = await steps.detect(self.story)
                if detection.health is not Health.SETTLING or self._waited_enough():
                    break
                await self._settle(detection)
            self._saw(detection)
        return detection

    def _waited_enough(self) -> bool:
        since = self.record.settling_since or self.story.now
        over = (self.story.now - since).total_seconds() >= self.story.options.grace_limit
        return over or self.record.resolved or self.story.told_to_stop

    async def _settle(self, detection: Detection) -> None:
        if self.record.phase is not Phase.SETTLING:
            self.story.note(f"may heal itself: {detection.summary}")
        self.record.phase = Phase.SETTLING
        self.record.settling_since = self.record.settling_since or self.story.now
        # a repetition says nothing new: a storm must not become a storm of looks
        alerts = len(self.record.reports)
        await self.story.wait(
            lambda: len(self.record.reports) != alerts or self.record.resolved or self.story.told_to_stop,
            max(detection.recheck_seconds, 0.2),
            "grace time",
        )

    def _saw(self, detection: Detection) -> None:
        self.record.phase, self.record.settling_since = Phase.RUNNING, None
        self.story.note(detection.summary, health=detection.health)
        if detection.health is Health.UNHEALTHY:
            self.record.timings.detected_at = self.record.timings.detected_at or self.story.now
            self.record.evidence = detection.evidence or self.record.evidence
            self.record.symptoms = detection.symptoms[:MAX_SYMPTOMS]
            if not self.record.attempts:
                self.record.elsewhere = detection.elsewhere

    def _well(self, detection: Detection) -> Outcome:
        changed = any(a.kept for a in self.record.attempts)
        self.record.summary = detection.summary
        if detection.health is Health.GONE and not self.record.resolved:
            return self._escalate(f"{detection.summary}; whoever reports it should know what it was")
        if detection.health is Health.UNSURE and not self.record.resolved:
            return self._escalate(detection.summary)
        if detection.health is Health.SETTLING and not self.record.resolved:
            return self._escalate(
                f"still unclear after {self.story.options.grace_limit:g} s: {detection.summary}"
            )
        if changed and detection.health is Health.HEALTHY:
            self.record.timings.healed_at = self.story.now
            return Outcome.HEALED
        return Outcome.SELF_RESOLVED

    # classify, route, approve
    async def _attempt(self) -> Outcome | None:
        """One hypothesis; an outcome ends the incident, None goes on with what is left."""
        if self.record.resolved:
            self.record.summary = "the alert is resolved: nothing is changed"
            self.story.note(self.record.summary)
            return Outcome.SELF_RESOLVED
        with self.story.stage(Stage.CLASSIFY):
            classification = await steps.classify(self.story)
            if classification.health is not Health.UNHEALTHY:
                self.story.note("the trouble has gone while it was looked at")
                return None
            self.record.failure_type = classification.failure_type
            cause = classification.cause
            if cause is not None and joining.may_join(self.story, cause):
                return self._healed_with(cause) if await joining.join(self.story, cause) else None
            hypothesis = classification.next(self.record.tried)
            self._explain(classification.hypotheses, hypothesis)
        if hypothesis is None:
            return self._escalate(
                "nothing left to try" if self.record.attempts else "no plan fits what was found"
            )
        assert hypothesis.plan is not None  # noqa: S101 - `next` offers only those with a plan
        attempt = Attempt(
            hypothesis=hypothesis,
            impact=classification.impacts.get(hypothesis.plan.hash),
            standing=classification.standing,
            started_at=self.story.now,
        )
        return await self._decide(attempt, hypothesis, classification.ai_confidence)

    def _healed_with(self, cause: Target) -> Outcome:
        self.record.summary = f"healed together with {cause}"
        return Outcome.SELF_RESOLVED

    def _explain(self, hypotheses: list[Hypothesis], chosen: Hypothesis | None) -> None:
        for h in hypotheses[:5]:
            mark = "takes" if h is chosen else "considers"
            self.story.note(
                f"{mark} ({h.confidence:.0%}): {h.cause}",
                origin=h.origin,
                why=h.why,
                plan=h.plan.describe() if h.plan else "",
            )

    async def _decide(
        self, attempt: Attempt, hypothesis: Hypothesis, ai_confidence: float | None
    ) -> Outcome | None:
        with self.story.stage(Stage.ROUTE):
            routing = await steps.route(self.story, hypothesis, ai_confidence)
            self.record.route, attempt.routing = routing.route, routing
            self.story.note(
                f"{routing.route}, {routing.method} (score {routing.hybrid_score:.2f}): {routing.reason}"
            )
        with self.story.stage(Stage.APPROVE):
            attempt.severity, attempt.decided_at = self.record.severity, self.story.now
            facts = attempt.facts(self.record)
            assert facts is not None  # noqa: S101 - routed just now
            verdict = attempt.verdict = await steps.approve(self.story, facts)
            changed = f" ({'; '.join(verdict.modifications)})" if verdict.modifications else ""
            self.story.note(
                f"{verdict.kind}: {'; '.join(verdict.reasons)}{changed}", policy=verdict.policy_hash
            )
            if verdict.kind is VerdictKind.DENIED or verdict.plan is None:
                self._close(attempt, "denied: " + "; ".join(verdict.reasons))
                return None
            if verdict.method:
                attempt.routed, routing = routing, routing.by(verdict.method)
                attempt.routing = routing
            if verdict.needs_person:
                answer = await approval.ask(self.story, hypothesis, verdict, attempt)
                if answer is Answer.AGAIN:
                    return None
                if answer is not Answer.APPROVE:
                    return self._unapproved(attempt, answer)
                verdict = attempt.verdict  # on the plan as a person has edited it
                if not await turn.still(self.story, hypothesis):
                    return None
            else:
                approval.drop(self.story, "no person is needed any more")
        if self.story.told_to_stop:
            self._close(attempt, "not begun")
            return self._stopped()
        if self.record.resolved:
            return self._unapproved(attempt, Answer.RESOLVED)
        if verdict.mode is not Mode.ACT:
            told = await proposal.show(self.story, attempt, verdict)
            self._close(attempt, told)
            return self._escalate(told)
        return await self._repair(attempt, verdict)

    def _stopped(self) -> Outcome:
        """A person wants the engine's hands off: what was changed stays, and is named."""
        decision, self.story.decision = self.story.decision, None
        self._taken(decision)
        stays = [r.action.describe() for a in self.record.attempts for r in a.kept]
        words = f"{decision.choice} by {decision.by}" if decision else "told to stop"
        return self._escalate(words + (f"; what was done stays: {'; '.join(stays)}" if stays else ""))

    def _taken(self, decision: Decision | None) -> None:
        """Who cancels has taken the incident on, as if they had acknowledged it; who escalates wants others called."""
        if decision is not None and decision.choice == "cancel":
            self.record.taken_by = decision.by

    def _unapproved(self, attempt: Attempt, answer: Answer) -> Outcome | None:
        who = attempt.decision.by if attempt.decision else ""
        if answer is Answer.RESOLVED:
            self._close(attempt, "not needed any more")
            return None
        self._close(attempt, f"{answer} {who}".strip())
        self._taken(attempt.decision)
        if answer is Answer.REJECT:
            return None
        return self._escalate(
            {Answer.EXPIRED: "nobody answered in time"}.get(answer, f"{answer} by {who or 'a person'}")
        )

    # execute, verify
    async def _repair(self, attempt: Attempt, verdict: Verdict) -> Outcome | None:
        plan, chain = verdict.plan, attempt.routing.fallback if attempt.routing else []
        assert plan is not None  # noqa: S101 - checked by the caller
        if self.story.options.search_attributes:
            visibility.index(self.record)
        chain = chain or [FallbackStep(method=Method.REQUIRE_APPROVAL, timeout_seconds=30)]
        try:
            with self.story.stage(Stage.EXECUTE):
                done = await repair.execute(self.story, attempt, plan, chain, self._ask_late)
        except repair.Stale:
            attempt.overtaken = True
            return await self._failed(attempt)
        except repair.Unknown as e:
            self._close(attempt, str(e))
            return self._escalate("an action gave no answer: look at the object before anything else is done")
        except turn.Edited:
            return await self._repair(attempt, attempt.verdict or verdict)
        except turn.Withheld as e:
            return await self._withheld(attempt, e.answer)
        if not done and self.record.resolved and attempt.receipts and not self.story.told_to_stop:
            done = True  # perhaps thanks to what was done already: the checks will tell
        if not done:
            return await self._failed(attempt)
        self.record.attempts.append(attempt)
        return await self._verify(attempt)

    async def _ask_late(self, attempt: Attempt) -> bool:
        """The last link of the fallback chain: neither way finished in time, so a person says whether to go on."""
        verdict = attempt.verdict
        assert verdict is not None  # noqa: S101 - decided before it was begun
        why = [f"it did not finish in time, also when monitored: {attempt.result}"]
        with self.story.acting():
            asking = verdict.model_copy(update={"reasons": why})
            answer = await approval.ask(self.story, attempt.hypothesis, asking, attempt)
        if answer is not Answer.APPROVE:
            attempt.result += f"; {answer}"
        if answer in (Answer.ESCALATE, Answer.CANCEL):  # it is told to stop, not only asked about this plan
            self.story.decision = self.story.decision or attempt.decision
        return answer is Answer.APPROVE

    async def _withheld(self, attempt: Attempt, answer: Answer | None) -> Outcome | None:
        """The governor held it back, and while it waited something else was decided."""
        if answer in (Answer.ESCALATE, Answer.CANCEL):
            self.story.decision = self.story.decision or attempt.decision
            self._close(attempt, "not carried out to its end" if attempt.receipts else "not begun")
            return self._stopped()
        if not attempt.receipts:
            return self._unapproved(attempt, answer) if answer else None
        if answer is Answer.RESOLVED:  # perhaps thanks to what was done already
            self.record.attempts.append(attempt)
            return await self._verify(attempt)
        attempt.result = f"not carried out to its end: {answer}"
        outcome = await self._failed(attempt)
        return outcome or (self._escalate("nobody answered in time") if answer is Answer.EXPIRED else None)

    async def _failed(self, attempt: Attempt) -> Outcome | None:
        """The plan was not carried out to its end: undo its beginning, unless a person said to stop."""
        attempt.verified = False
        self._close(attempt, attempt.result)
        if self.story.told_to_stop:
            return self._stopped()
        outcome = await self._undo(attempt)
        if outcome is None and self.record.overtaken > MAX_STALE:
            return self._escalate("the target changes faster than a plan can be made")
        return outcome

    async def _undo(self, attempt: Attempt) -> Outcome | None:
        """None when everything is as it was; on top of what is not, nothing further is tried."""
        self.record.undoing = True
        left = await repair.undo(self.story, attempt)
        attempt.ended_at, self.record.undoing = self.story.now, False
        if not left:
            if any(r.changed for r in attempt.receipts):
                self.record.resolved = False  # what was said of the state that is undone is true no more
            return None
        attempt.result += "; the undo is incomplete"
        return self._escalate(f"could not be undone: {'; '.join(left)}")

    async def _verify(self, attempt: Attempt) -> Outcome | None:
        """HEALED, or None when everything the attempt did is undone; anything else needs a person."""
        plan = attempt.verdict.plan if attempt.verdict else None
        method = attempt.routing.method if attempt.routing else Method.EXECUTE
        assert plan is not None  # noqa: S101 - only approved plans are executed
        with self.story.stage(Stage.VERIFY):
            verification = await repair.verify(self.story, attempt, plan, method)
        attempt.ended_at = self.story.now
        if verification is None:
            attempt.result = "not verified to the end"
            return self._stopped()
        attempt.verified, attempt.result = verification.healed, verification.summary
        self.story.note(verification.summary)
        if verification.healed:
            self.record.timings.healed_at = self.story.now
            self.record.summary = f"{attempt.hypothesis.cause}; {plan.describe()}"
            return Outcome.HEALED
        if verification.cause_gone:
            self.story.note("this cause is mended, but it was not the only one: the change stays")
            return None
        return await self._undo(attempt)

    # endings
    def _close(self, attempt: Attempt, result: str) -> None:
        attempt.result, attempt.ended_at = result, self.story.now
        self.record.pending = None
        self.record.attempts.append(attempt)

    def _escalate(self, why: str) -> Outcome:
        tried = "; ".join(
            f"{a.hypothesis.plan.describe()}: {a.result}" for a in self.record.attempts if a.hypothesis.plan
        )
        self.record.summary = why + (f" (tried: {tried})" if tried else "")
        self.story.note(f"a person is needed: {self.record.summary}")
        return Outcome.ESCALATED
