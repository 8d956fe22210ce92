"""Calls by level, and what is told once although it is asked for many times."""

from __future__ import annotations

import pytest

from activities.telling import LevelOnCall, Teller
from suture.domain.call import Call
from suture.domain.errors import Unavailable
from suture.domain.escalation import Ladder
from tests.fakes import FakeNotifications, FakeNotifier, FakeOnCall

LADDER = Ladder.model_validate({"levels": [{"name": "L1", "contacts": ["ann", "bob"]}, {"name": "L2"}]})


class People:
    """Who is called, with what stands between."""

    def __init__(self) -> None:
        self.notifier, self.log = FakeNotifier(), FakeOnCall()
        self.on_call = LevelOnCall(Teller(self.notifier, FakeNotifications()), LADDER, self.log)

    async def call(self, level: str = "L1", step: str = "report/1") -> list[str]:
        return await self.on_call.call(Call(story_id="i1", step=step, level=level, subject="s", text="t"))

    @property
    def told(self) -> list[str]:
        return [way for way, _ in self.notifier.sent]


async def test_a_step_is_told_once() -> None:
    people = People()
    assert await people.call() == ["ann", "bob"]
    assert await people.call() == ["ann", "bob"]
    assert people.told == ["ann", "bob"]
    await people.call(step="report/2")
    assert people.told == ["ann", "bob"] * 2


async def test_who_was_not_reached_is_tried_again_and_the_others_are_not() -> None:
    people = People()
    people.notifier.fails = {"bob": "bob: the chat is down"}
    with pytest.raises(Unavailable, match="bob: the chat is down"):
        await people.call()
    people.notifier.fails = {}
    assert await people.call() == ["ann", "bob"]
    assert people.told == ["ann", "bob"]


async def test_a_level_without_contacts_goes_to_the_log() -> None:
    people = People()
    await people.call("L2")
    await people.call("L9")
    assert people.told == []
    assert [c.level for c in people.log.calls] == ["L2", "L9"]
