"""Messages reach real receivers; what fails says why, and no address is ever repeated."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from suture.domain.errors import Unavailable
from suture.domain.notice import Message, Notice, message_of
from suture.domain.stages import Severity
from suture.domain.target import Target
from suture.notify.contacts import resolve
from suture.notify.sender import AppriseNotifier
from tests.notify.receivers import MailServer, Webhook

NOTICE = Notice(
    incident_id="web-12345678",
    workflow_id="incident/default/shop/deployment/web",
    target=Target(namespace="shop", kind="Deployment", name="web"),
    severity=Severity.CRITICAL,
    title="L2 (engineering manager)",
    state="a plan waits for approval",
    summary="the web shop is down",
    cause="a rollout",
    proposed="undo the rollout of Deployment/shop/web",
    risk="medium, can be undone",
    asked=1,
    tried=["restart Deployment/shop/web: did not help"],
    before=["L1 (on-call engineer) at 03:00 UTC: told ann"],
)
MESSAGE = message_of(
    NOTICE, {"Approve": "https://suture.example.org/a/1", "Reject": "https://suture.example.org/r/1"}
)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as found:
        yield found


def notifier(**addresses: str) -> AppriseNotifier:
    return AppriseNotifier(resolve({name: [SecretStr(a)] for name, a in addresses.items()}))


async def test_a_webhook_and_a_mailbox_get_it(webhook: Webhook) -> None:
    with MailServer() as mails:
        both = notifier(chat=webhook.url("chat"), mail=mails.url("ann@example.org"))
        await both.send("chat", MESSAGE)
        await both.send("mail", MESSAGE)
    [(_, posted)] = webhook.received
    assert (
        posted["title"]
        == "[critical] Deployment/shop/web: a plan waits for approval (L2 (engineering manager))"
    )
    assert "suture approve web-12345678" in posted["message"]
    assert "[Approve](https://suture.example.org/a/1)" in posted["message"]
    [mail] = mails.received
    assert mail["Subject"] == posted["title"]
    assert "ann@example.org" in mail["To"]
    html = mail.get_body(("html",))
    assert html is not None
    content = html.get_content()
    assert 'href="https://suture.example.org/a/1"' in content
    assert "restart Deployment/shop/web: did not help" in content


async def test_a_refusal_is_explained_without_the_address(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    address = webhook.url("hooks/t0ps3cretpath").replace("json://", "json://user:t0ps3cretword@")
    webhook.status = 503
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable, match="503") as refused:
        await notifier(chat=address).send("chat", MESSAGE)
    assert str(refused.value).startswith("chat: ")
    with caplog.at_level(logging.DEBUG), pytest.raises(Unavailable) as away:
        await notifier(chat="json://user:t0ps3cretword@127.0.0.1:1/t0ps3cretpath").send("chat", MESSAGE)
    for said in (str(refused.value), str(away.value), caplog.text):
        assert "t0ps3cret" not in said


async def test_a_slow_receiver_has_not_refused(webhook: Webhook) -> None:
    webhook.delay = 5.0  # longer than Apprise waits by itself
    await notifier(chat=webhook.url("chat")).send("chat", MESSAGE)
    assert webhook.names == ["chat"]


async def test_failures_of_many_at_once_are_not_mixed_up(webhook: Webhook) -> None:
    webhook.delay = 0.2
    good, bad = webhook.url("good"), "json://127.0.0.1:1/bad"
    both = notifier(good=good, bad=bad)
    came = await asyncio.gather(
        *(both.send(way, MESSAGE) for way in ("good", "bad", "good")), return_exceptions=True
    )
    assert [type(c) for c in came] == [type(None), Unavailable, type(None)]
    assert str(came[1]).startswith("bad: ")


def test_a_message_has_no_secrets_and_is_short() -> None:
    wordy = NOTICE.model_copy(update={"tried": ["x" * 600] * 8})
    made = message_of(wordy, {})
    assert isinstance(made, Message)
    assert len(made.body) < 8_000
    assert len(made.subject) <= 200
