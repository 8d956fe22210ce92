"""A thin client with plain dicts in and out.

The official library's generated models cost several times the memory and time of dicts, and drop fields that
they do not know.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from suture.domain.snapshot import Manifest
from suture.domain.target import ObjectRef
from suture.targets.kubernetes.errors import Call, error_of
from suture.targets.kubernetes.kinds import Kind, kind_of
from suture.targets.kubernetes.transport import Transport, errors_of, lines_of, url_of

PAGE = 500  # objects a request: bounds the memory of a listing
PatchType = Literal["strategic", "merge", "json"]
_CONTENT_TYPES: dict[PatchType, str] = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}


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


class Client(Transport):
    """The verbs of the Kubernetes API. Errors are those of suture.domain.errors."""

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

        `silence`: seconds without a line (bookmarks come every minute) after which it counts as dead.
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
        with errors_of(call):
            response = await self._send("GET", url_of(kind.path(namespace), query), limits=timeout)
            try:
                if response.status >= 300:
                    raise error_of(response.status, await response.read(), call)
                async for line in lines_of(response.content):
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

    async def evict(
        self, ref: ObjectRef, *, uid: str, grace_seconds: int | None = None, dry_run: bool = False
    ) -> None:
        """Delete exactly the pod of this uid if its disruption budgets let it go (policy/v1 Eviction).

        Raises Forbidden when a budget does not, Conflict when another pod has its name by now.
        """
        kind = kind_of("Pod")
        options: Manifest = {"preconditions": {"uid": uid}}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if dry_run:
            options["dryRun"] = ["All"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"namespace": ref.namespace, "name": ref.name},
            "deleteOptions": options,
        }
        query = {"dryRun": "All"} if dry_run else {}
        call = Call("evict", kind, ref.namespace, ref.name)
        await self._json(call, "POST", kind.path(ref.namespace, ref.name, "eviction"), query, eviction)

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
        body = await self._request(call, "GET", url_of(kind.path(pod.namespace, pod.name, "log"), query))
        return body.decode(errors="replace")

    async def ready(self) -> None:
        """Returns when the server says that it is ready."""
        await self._request(Call("get /readyz", None), "GET", "/readyz")


def _write_query(manager: str, dry_run: bool) -> dict[str, str]:
    # Strict: a field that the server does not know is a mistake in a plan, not something to drop silently.
    return {"fieldManager": manager, "fieldValidation": "Strict", "dryRun": "All" if dry_run else ""}


def _watch_event(line: dict[str, Any], call: Call, kind: Kind) -> WatchEvent:
    item = line["object"]
    if line["type"] == "ERROR":
        raise error_of(int(item.get("code") or 500), json.dumps(item).encode(), call)
    item["kind"], item["apiVersion"] = kind.name, kind.api_version
    return WatchEvent(line["type"], item)
