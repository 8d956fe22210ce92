"""Requests and answers as JSON over the official library's configuration and connections, each in a span.

There are no retries here: Temporal retries activities and the watch has its own back-off, so a second loop
would only hide trouble.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from yaml import YAMLError

from suture.domain.errors import Invalid, SutureError, Unavailable
from suture.domain.redaction import redact_text
from suture.domain.snapshot import Manifest
from suture.targets.kubernetes.errors import Call, error_of

TIMEOUT = 10.0
USUAL = Path("~/.kube/config")
RENEW = 20.0  # seconds between two looks at the credentials
_ADVICE = "try `kubectl config view` with it, or name another with --kubeconfig or KUBECONFIG"
_tracer = trace.get_tracer("suture.kubernetes")


class Transport:
    """A connection to one API server. Use as an async context manager, or call `close`."""

    def __init__(self, configuration: Configuration, timeout: float = TIMEOUT) -> None:
        configuration.connection_pool_maxsize = 0  # every watch holds one: a limit would block the requests
        configuration.retries = None
        self._api = ApiClient(configuration)
        self._api.user_agent = "suture"
        self.timeout = timeout

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - of each request, not of connecting
    ) -> Self:
        """Read the configuration: the given file, $KUBECONFIG, ~/.kube/config, or the pod's service account.

        Raises Invalid when none of them can be used. Nothing is sent yet.
        """
        try:
            return cls(await _configuration(kubeconfig, context), timeout)
        except (kube_config.ConfigException, YAMLError, OSError, ValueError, KeyError, TypeError) as e:
            named = kubeconfig or os.environ.get("KUBECONFIG") or str(USUAL)
            raise Invalid(f"cannot use the kubeconfig {named}: {_why(e)}; {_ADVICE}") from e

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]

    async def _json(
        self,
        call: Call,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Manifest:
        answer = await self._request(call, method, url_of(path, query or {}), body, content_type)
        with errors_of(call):
            found: Manifest = json.loads(answer)
        return found

    async def _request(
        self, call: Call, method: str, url: str, body: Any = None, content_type: str = "application/json"
    ) -> bytes:
        with _span(call) as span, errors_of(call):
            timeout = aiohttp.ClientTimeout(total=self.timeout)
            response = await self._send(method, url, body, content_type, timeout)
            try:
                content = await response.read()
            finally:
                response.release()
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= 300:
                raise error_of(response.status, content, call)
            return content

    async def _send(
        self,
        method: str,
        url: str,
        body: Any = None,
        content_type: str = "application/json",
        limits: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        headers = {
            "Accept": "application/json",
            "Content-Type": content_type,
            "User-Agent": self._api.user_agent,
        }
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
        answer = await self._api.rest_client.request(  # type: ignore[no-untyped-call]
            method,
            self._api.configuration.host + url,
            headers=headers,
            body=body,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = answer.response
        return response


def _why(error: Exception) -> str:
    """What is wrong with a kubeconfig, without any value of it (it holds credentials)."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, kube_config.ConfigException):
        return " ".join(redact_text(str(error)).split())[:200]
    return "it is not a kubeconfig"  # the loader trips over what is missing or of another type


def _exists(files: str) -> None:
    """Raises FileNotFoundError; the library would print something, and miss a context."""
    if not any(Path(file).expanduser().exists() for file in files.split(os.pathsep)):
        raise FileNotFoundError(files)


async def _configuration(kubeconfig: str | None, context: str | None) -> Configuration:
    made = Configuration()
    explicit = kubeconfig or os.environ.get("KUBECONFIG")
    if not explicit and os.environ.get("KUBERNETES_SERVICE_HOST"):
        kube_config.load_incluster_config(made)  # type: ignore[no-untyped-call]
        return made
    _exists(explicit or str(USUAL))
    loader = await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=explicit, context=context, client_configuration=made, persist_config=False
    )

    read_at = time.monotonic()

    async def renew(configuration: Configuration) -> None:
        """Short-lived tokens: the library reads files anew and asks plugins when theirs has expired."""
        nonlocal read_at
        if time.monotonic() - read_at < RENEW:
            return
        read_at = time.monotonic()
        await loader._load_authentication()
        if token := getattr(loader, "token", None):
            configuration.api_key["BearerToken"] = token

    made.refresh_api_key_hook = renew  # type: ignore[assignment]
    return made


def url_of(path: str, query: Mapping[str, str]) -> str:
    """The path with those parameters that have a value."""
    filled = {k: v for k, v in query.items() if v}
    return f"{path}?{urlencode(filled)}" if filled else path


async def lines_of(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length (aiohttp's own reader gives up on long ones)."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


@contextmanager
def errors_of(call: Call) -> Iterator[None]:
    """Lost connections and timeouts as Unavailable."""
    try:
        yield
    except (aiohttp.ClientError, OSError, json.JSONDecodeError) as e:
        raise Unavailable(
            f"{call}: the API server does not answer ({type(e).__name__}); check the address and network"
        ) from e


@contextmanager
def _span(call: Call) -> Iterator[Span]:
    attributes = {
        "k8s.verb": call.verb,
        "k8s.resource": call.kind.resource if call.kind else "",
        "k8s.namespace.name": call.namespace,
    }
    name = f"{call.verb} {call.kind.plural}" if call.kind else call.verb
    with _tracer.start_as_current_span(
        name,
        kind=SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except SutureError as e:
            span.set_status(Status(StatusCode.ERROR, type(e).__name__))
            raise
