"""A thin JSON client over the official library: its configuration, authentication and transport, but plain dicts.

The generated models cost several times the memory and time of dicts and drop fields that they do not know. There are no
retries here: Temporal retries activities and the watch has its own back-off, so a second loop would only hide trouble.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import ApiClient, Configuration
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from suture.domain.errors import Invalid, SutureError, Unavailable
from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.errors import Call, error_of
from suture.targets.kubernetes.kinds import Kind, kind_of

TIMEOUT = 10.0
RENEW = 20.0  # seconds between two looks at the credentials
PAGE = 500
PatchType = Literal["strategic", "merge", "json"]
_CONTENT_TYPES: dict[PatchType, str] = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}
_tracer = trace.get_tracer("suture.kubernetes")


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list. `next` is the continue token of the following page, empty on the last one."""

    items: list[Manifest]
    resource_version: str
    next: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Manifest


class Client:
    """Requests to one API server. Use as an async context manager, or call `close`."""

    def __init__(self, configuration: Configuration, timeout: float = TIMEOUT) -> None:
        configuration.connection_pool_maxsize = (
            0  # every watch holds a connection; a limit would block the requests
        )
        configuration.retries = None
        self._api = ApiClient(configuration)
        self._api.user_agent = "suture"
        self.timeout = timeout

    @classmethod
    async def connect(
        cls, kubeconfig: str | None = None, context: str | None = None, timeout: float = TIMEOUT
    ) -> Self:
        """Read the configuration: the given file, $KUBECONFIG, ~/.kube/config, or the pod's service account.

        Raises Invalid when none of them can be used. Nothing is sent yet.
        """
        try:
            return cls(await _configuration(kubeconfig, context), timeout)
        except (kube_config.ConfigException, OSError, ValueError, KeyError, TypeError) as e:
            raise Invalid(
                f"cannot use the kubeconfig ({type(e).__name__}): set KUBECONFIG or settings.kubeconfig"
            ) from e

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, ref: ObjectRef) -> Manifest:
        """One object as the server has it: Secrets in clear, so it must not leave the adapter as it is."""
        kind = kind_of(ref.kind)
        call = Call("get", kind, ref.namespace, ref.name)
        return await self._json(call, "GET", kind.path(ref.namespace, ref.name))

    async def page(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = PAGE,
        token: str = "",
    ) -> Page:
        """One page of a list; items get their kind and apiVersion filled in."""
        query = {
            "limit": str(limit) if limit else "",
            "labelSelector": labels,
            "fieldSelector": fields or kind.fields,
            "continue": token,
        }
        answer = await self._json(Call("list", kind, namespace), "GET", kind.path(namespace), query)
        items = answer.get("items") or []
        for item in items:
            item["kind"], item["apiVersion"] = kind.name, kind.api_version
        meta = answer["metadata"]
        return Page(items, meta.get("resourceVersion", ""), meta.get("continue", ""))

    async def pages(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = "", limit: int = PAGE
    ) -> AsyncIterator[Page]:
        """All pages of a list; raises Expired when the server forgot the version in the middle."""
        page = await self.page(kind, namespace, labels=labels, fields=fields, limit=limit)
        yield page
        while page.next:
            page = await self.page(
                kind, namespace, labels=labels, fields=fields, limit=limit, token=page.next
            )
            yield page

    async def list(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Manifest]:
        """All objects of a kind."""
        found: list[Manifest] = []
        async for page in self.pages(kind, namespace, labels=labels, fields=fields):
            found += page.items
        return found

    async def watch(
        self, kind: Kind, namespace: str, resource_version: str, seconds: int = 300, silence: float = 150
    ) -> AsyncIterator[WatchEvent]:
        """Changes after a version, with bookmarks, until the server ends the watch after `seconds`.

        `silence`: seconds without a line (bookmarks come every minute) after which the connection counts as dead.
        Raises Expired when the version is too old.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            "fieldSelector": kind.fields,
        }
        call = Call("watch", kind, namespace)
        timeout = aiohttp.ClientTimeout(total=seconds + 30, sock_connect=self.timeout, sock_read=silence)
        with _errors(call):
            response = await self._send("GET", _url(kind.path(namespace), query), timeout=timeout)
            try:
                if response.status >= 300:
                    raise error_of(response.status, await response.read(), call)
                async for line in _lines(response.content):
                    yield _watch_event(json.loads(line), call, kind)
            finally:
                response.close()

    async def create(self, manifest: Manifest, *, manager: str, dry_run: bool = False) -> Manifest:
        kind = kind_of(manifest["kind"])
        meta = manifest["metadata"]
        call = Call("create", kind, meta.get("namespace", ""), meta["name"])
        query = _write_query(manager, dry_run)
        return await self._json(call, "POST", kind.path(call.namespace), query, manifest)

    async def put(self, manifest: Manifest, *, manager: str, dry_run: bool = False) -> Manifest:
        kind = kind_of(manifest["kind"])
        meta = manifest["metadata"]
        call = Call("update", kind, meta.get("namespace", ""), meta["name"])
        query = _write_query(manager, dry_run)
        return await self._json(call, "PUT", kind.path(call.namespace, call.name), query, manifest)

    async def patch(
        self, ref: ObjectRef, body: Any, patch_type: PatchType, *, manager: str, dry_run: bool = False
    ) -> Manifest:
        kind = kind_of(ref.kind)
        call = Call("patch", kind, ref.namespace, ref.name)
        query = _write_query(manager, dry_run)
        path = kind.path(ref.namespace, ref.name)
        return await self._json(call, "PATCH", path, query, body, _CONTENT_TYPES[patch_type])

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str,
        grace_seconds: int | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> Manifest:
        """Delete exactly the object of this uid; raises Conflict when another one has its name by now."""
        kind = kind_of(ref.kind)
        options: Manifest = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation,
        }
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if dry_run:
            options["dryRun"] = ["All"]
        call = Call("delete", kind, ref.namespace, ref.name)
        query = {"dryRun": "All"} if dry_run else {}
        return await self._json(call, "DELETE", kind.path(ref.namespace, ref.name), query, options)

    async def logs(
        self, pod: ObjectRef, container: str, *, previous: bool = False, lines: int = 50, limit: int = 262_144
    ) -> str:
        """The last lines of a container, at most `limit` bytes, as they are (not redacted)."""
        query = {
            "container": container,
            "tailLines": str(lines),
            "limitBytes": str(limit),
            "previous": "true" if previous else "",
        }
        kind = kind_of("Pod")
        call = Call("get", kind, pod.namespace, f"{pod.name}/log")
        body = await self._request(call, "GET", _url(kind.path(pod.namespace, pod.name, "log"), query))
        return body.decode(errors="replace")

    async def ready(self) -> None:
        """Returns when the server says that it is ready."""
        await self._request(Call("get /readyz", None), "GET", "/readyz")

    async def _json(
        self,
        call: Call,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> Manifest:
        answer = await self._request(call, method, _url(path, query or {}), body, content_type)
        with _errors(call):
            found: Manifest = json.loads(answer)
        return found

    async def _request(
        self, call: Call, method: str, url: str, body: Any = None, content_type: str = "application/json"
    ) -> bytes:
        with _span(call) as span, _errors(call):
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
        timeout: aiohttp.ClientTimeout | None = None,
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
            _request_timeout=timeout,
        )
        response: aiohttp.ClientResponse = answer.response
        return response


async def _configuration(kubeconfig: str | None, context: str | None) -> Configuration:
    made = Configuration()
    explicit = kubeconfig or os.environ.get("KUBECONFIG")
    if not explicit and os.environ.get("KUBERNETES_SERVICE_HOST"):
        kube_config.load_incluster_config(made)  # type: ignore[no-untyped-call]
        return made
    loader = await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
        config_file=explicit, context=context, client_configuration=made, persist_config=False
    )

    read_at = time.monotonic()

    async def renew(configuration: Configuration) -> None:
        """Short-lived tokens: the library reads token files anew and asks plugins again when theirs has expired."""
        nonlocal read_at
        if time.monotonic() - read_at < RENEW:
            return
        read_at = time.monotonic()
        await loader._load_authentication()
        if token := getattr(loader, "token", None):
            configuration.api_key["BearerToken"] = token

    made.refresh_api_key_hook = renew  # type: ignore[assignment]
    return made


def _url(path: str, query: Mapping[str, str]) -> str:
    filled = {k: v for k, v in query.items() if v}
    return f"{path}?{urlencode(filled)}" if filled else path


def _write_query(manager: str, dry_run: bool) -> dict[str, str]:
    # Strict: a field that the server does not know is a mistake in a plan, not something to drop silently.
    return {"fieldManager": manager, "fieldValidation": "Strict", "dryRun": "All" if dry_run else ""}


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length (aiohttp's own reader gives up on long ones)."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


def _watch_event(line: dict[str, Any], call: Call, kind: Kind) -> WatchEvent:
    item = line["object"]
    if line["type"] == "ERROR":
        raise error_of(int(item.get("code") or 500), json.dumps(item).encode(), call)
    item["kind"], item["apiVersion"] = kind.name, kind.api_version
    return WatchEvent(line["type"], item)


@contextmanager
def _errors(call: Call) -> Iterator[None]:
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
