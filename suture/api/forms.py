"""Forms of the pages: read with a limit, believed only with the session's own secret, and turned into decisions."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from suture.api.errors import Refused
from suture.api.identity import Caller
from suture.domain.decision import ApprovalRequest, Decision
from suture.domain.edits import FIXED
from suture.domain.errors import Declined
from suture.domain.plan import Plan
from suture.domain.redaction import redact_text

LIMIT = 65_536  # bytes
FIELDS = 200
FORGED = "this form was not sent from this page, or the session is over: load the page again"


async def posted(request: Request) -> dict[str, str]:
    """The fields of a form; of two with the same name the last counts. Raises Refused."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > LIMIT:
                raise Refused(413, "the form is too long", "write less")
    except ClientDisconnect:
        raise Refused(400, "the connection ended inside the form", "send it again") from None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS)
    except (ValueError, UnicodeDecodeError):
        raise Refused(400, "this is not a form", "use the pages' own forms") from None
    return {name: text.replace("\r\n", "\n").replace("\0", "�") for name, text in pairs}


def genuine(request: Request, caller: Caller, form: dict[str, str]) -> bool:
    """Whether the form came from a page that this session was shown."""
    if request.scope.get("suture.foreign") or caller.session is None:
        return False
    return hmac.compare_digest(form.get("csrf", "").encode(), caller.session.csrf.encode())


@dataclass(frozen=True)
class Field:
    """A parameter of a plan as a form shows it. `lines` more than 1 is JSON over several lines."""

    path: str
    label: str
    text: str
    lines: int = 1
    number: bool = False
    options: list[str] = field(default_factory=list)


def fields(plan: Plan) -> list[Field]:
    """The parameters that people may edit, in the plan's order."""
    found = []
    for number, action in enumerate(plan.actions):
        for name, value in action.model_dump(mode="json").items():
            if name not in FIXED and name != "note":
                label = f"{name.replace('_', ' ')} ({action.describe()})"
                found.append(_field(f"actions.{number}.{name}", label, value))
    return found


def _field(path: str, label: str, value: Any) -> Field:
    text = _text(value)
    if isinstance(value, bool):
        return Field(path, label, text, options=["true", "false"])
    lines = min(16, text.count("\n") + 2) if isinstance(value, dict | list) else 1
    return Field(path, label, text, lines=lines, number=isinstance(value, int))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def edits(plan: Plan, form: dict[str, str]) -> dict[str, Any]:
    """What was changed in the form. Raises Declined when a changed value cannot be read."""
    raw = plan.model_dump(mode="json")
    changed: dict[str, Any] = {}
    for shown in fields(plan):
        given = form.get(f"edit.{shown.path}")
        if given is None or given.strip() == shown.text.strip():
            continue
        _, number, name = shown.path.split(".", 2)
        changed[shown.path] = _value(raw["actions"][int(number)][name], given, shown.label)
    return changed


def _value(before: Any, given: str, label: str) -> Any:
    if isinstance(before, str):
        return given
    if not given.strip():
        return None
    try:
        return json.loads(given)
    except ValueError:
        if before is None:
            return given
        raise Declined(f"{label}: {given[:100]!r} is not a value that fits") from None


def decision(caller: Caller, form: dict[str, str], asked: ApprovalRequest | None) -> Decision:
    """What a form says, about the very question that the page showed. Raises Declined when it makes no sense."""
    about = {"plan_hash": form["plan"], "asked": form.get("asked", 0)} if form.get("plan") else {}
    wants_edits = any(name.startswith("edit.") for name in form)
    changed = edits(asked.plan, form) if wants_edits and asked else {}
    if wants_edits and not changed:
        raise Declined("nothing was changed: approve the plan as it is, or change a value")
    try:
        return Decision(
            choice=form.get("choice", ""),
            by=caller.name,
            reason=redact_text(form.get("reason", "")).strip(),
            to=form.get("to", "").strip(),
            edits=changed,
            **about,
        )
    except ValidationError as e:
        first = e.errors()[0]
        raise Declined(f"{first['loc'][0]}: {first['msg']}") from None
