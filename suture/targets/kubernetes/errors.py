"""The server's refusals as the engine's errors. Messages say what to do and never carry a secret value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from suture.domain.errors import Conflict, Forbidden, Invalid, SutureError, TargetNotFound, Unavailable
from suture.domain.redaction import redact_text
from suture.targets.kubernetes.kinds import Kind


class AlreadyExists(Conflict):
    """An object of this name is there already."""


class Expired(Unavailable):
    """The resource version or continue token is too old: list anew."""


class DoesNotApply(Invalid):
    """A JSON patch does not fit the object: a `test` did not hold, or a path is not there."""


_PATCH_REJECTED = "the server rejected our request due to an error in our request"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as errors and spans name it."""

    verb: str
    kind: Kind | None
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        kind = self.kind.name if self.kind else ""
        return f"{self.verb} {'/'.join(part for part in (kind, self.namespace, self.name) if part)}"

    @property
    def permission(self) -> str:
        """What an account needs for it, in RBAC's words."""
        resource = self.kind.resource if self.kind else "(non-resource URL)"
        return f"verb {self.verb!r} on {resource}" + (
            f" in namespace {self.namespace}" if self.namespace else ""
        )


def error_of(status: int, body: bytes, call: Call) -> SutureError:
    """The error that an HTTP answer stands for."""
    answer = _status(body)
    reason, message = str(answer.get("reason") or ""), _message(answer, call)
    if status == 401:
        return Forbidden(
            f"{call}: the API server does not accept the credentials; renew the kubeconfig or the token"
        )
    if status == 403:
        return _refused(str(answer.get("message") or ""), message, call)
    if status == 404:
        return TargetNotFound(
            f"{call}: not found" + ("" if call.name else ": the server does not serve this kind")
        )
    if status == 409:
        if reason == "AlreadyExists":
            return AlreadyExists(f"{call}: an object of this name exists already")
        return Conflict(f"{call}: the object was changed meanwhile; read it again")
    if status == 410 or reason == "Expired":
        return Expired(f"{call}: the resource version is too old; list anew")
    if status == 422 and call.verb == "patch" and _PATCH_REJECTED in message:
        return DoesNotApply(f"{call}: the JSON patch does not fit the object: read it again")
    if status == 429 and "disruption budget" in message:
        return Forbidden(f"{call}: a disruption budget does not let it go now: {message}")
    if status in (400, 405, 413, 415, 422):
        return Invalid(f"{call}: the server refuses it: {message}")
    return Unavailable(f"{call}: the API server answered {status}: {message}; try again later")


def _refused(said: str, message: str, call: Call) -> SutureError:
    """403 means a missing permission, or that an admission rule (quota, policy, webhook) said no."""
    if ("User " in said and " cannot " in said) or not said:
        return Forbidden(f"{call}: the account lacks the permission: grant {call.permission}")
    return Invalid(f"{call}: the cluster's admission rules refuse it: {message}")


def _status(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {"message": body[:500].decode(errors="replace")}
    return answer if isinstance(answer, dict) else {}


def _message(answer: dict[str, Any], call: Call) -> str:
    """The server's words; for Secrets only which fields are wrong, as messages may quote values."""
    if call.kind and call.kind.name == "Secret" and (details := answer.get("details")):
        causes = details.get("causes") or ()
        fields = ", ".join(f"{c.get('field', '?')} ({c.get('reason', '?')})" for c in causes)
        return fields or str(answer.get("reason") or "")
    return redact_text(str(answer.get("message") or answer.get("reason") or "")[:1000])
