"""Every refusal of the server says what to do, and none repeats a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from suture.domain.errors import Conflict, Forbidden, Invalid, SutureError, TargetNotFound, Unavailable
from suture.targets.kubernetes.errors import AlreadyExists, Call, DoesNotApply, Expired, error_of
from suture.targets.kubernetes.kinds import kind_of

CALL = Call("patch", kind_of("Deployment"), "shop", "web")


def answer(reason: str = "", message: str = "", **more: Any) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message, **more}).encode()


DENIED = (
    'deployments.apps "web" is forbidden: User "x" cannot patch resource "deployments" in API group "apps"'
)
REJECTED = "the server rejected our request due to an error in our request"
CASES: list[tuple[int, bytes, type[SutureError], str]] = [
    (401, answer("Unauthorized"), Forbidden, "renew the kubeconfig"),
    (403, answer("Forbidden", DENIED), Forbidden, "grant verb 'patch' on deployments.apps in namespace shop"),
    (
        403,
        answer("Forbidden", "exceeded quota: small"),
        Invalid,
        "admission rules refuse it: exceeded quota: small",
    ),
    (404, answer("NotFound"), TargetNotFound, "patch Deployment/shop/web: not found"),
    (409, answer("Conflict"), Conflict, "read it again"),
    (409, answer("AlreadyExists"), AlreadyExists, "exists already"),
    (410, answer("Expired"), Expired, "list anew"),
    (400, answer("BadRequest", "quantities must match"), Invalid, "quantities must match"),
    (422, answer("Invalid", "spec.replicas: must be positive"), Invalid, "must be positive"),
    (422, answer("Invalid", REJECTED), DoesNotApply, "does not fit the object"),
    (429, answer("TooManyRequests", "slow down"), Unavailable, "answered 429"),
    (500, b"not json", Unavailable, "answered 500: not json"),
    (503, b"", Unavailable, "answered 503"),
]


@pytest.mark.parametrize(("status", "body", "error", "text"), CASES)
def test_mapping(status: int, body: bytes, error: type[SutureError], text: str) -> None:
    found = error_of(status, body, CALL)
    assert type(found) is error
    assert text in str(found)


def test_messages_are_redacted() -> None:
    body = answer("Invalid", "env: Invalid value: password=hunter2")
    assert "hunter2" not in str(error_of(422, body, CALL))


def test_of_a_secret_only_the_fields_are_told() -> None:
    details = {"causes": [{"field": "data[user]", "reason": "FieldValueInvalid", "message": "bad: YWRtaW4="}]}
    body = answer("Invalid", "data[user]: Invalid value: YWRtaW4=", details=details)
    text = str(error_of(422, body, Call("patch", kind_of("Secret"), "shop", "login")))
    assert "data[user] (FieldValueInvalid)" in text and "YWRtaW4" not in text


def test_a_missing_permission_on_secrets_is_told() -> None:
    said = answer(
        "Forbidden",
        'secrets is forbidden: User "x" cannot list resource "secrets"',
        details={"kind": "secrets"},
    )
    assert type(error_of(403, said, Call("list", kind_of("Secret"), "shop"))) is Forbidden


def test_a_kind_that_is_not_served() -> None:
    assert "does not serve this kind" in str(
        error_of(404, b"404 page not found", Call("list", kind_of("Pod")))
    )
