"""A tiny Kubernetes REST client: dicts in, dicts out.

The official client turns every answer into model objects, which costs more CPU than the lab's whole
control loop. This one speaks the few verbs that the lab and the tests need.
"""

from __future__ import annotations

import base64
import copy
import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3
import yaml

from lab.objects import KINDS, Obj

_PATCHES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
_SERVER_WRITES = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


class ApiError(Exception):
    """An answer of the API server that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


def path_of(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """The URL path of a kind's collection, or of one object."""
    where = KINDS[kind]
    inside = f"/namespaces/{namespace}" if where.namespaced and namespace else ""
    return f"{where.prefix}{inside}/{where.plural}" + (f"/{name}" if name else "")


class Kube:
    """One user's access to one cluster.

    `on_write` sees every object that a write returned, and `on_delete` (kind, namespace, name) what is gone.
    """

    def __init__(
        self,
        kubeconfig: Path | str,
        agent: str = "kubectl",
        on_write: Callable[[Obj], None] | None = None,
        on_delete: Callable[[str, str, str], None] | None = None,
    ) -> None:
        config = yaml.safe_load(Path(kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server: str = cluster["server"]
        self.on_write, self.on_delete = on_write, on_delete
        self._headers = {
            "Authorization": f"Bearer {user['token']}",
            "User-Agent": agent,
            "Accept": "application/json",
        }
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._http = urllib3.PoolManager(maxsize=64, ssl_context=ssl.create_default_context(cadata=authority))

    # ------------------------------------------------------------------ requests

    def text(self, path: str, timeout: float = 30) -> str:
        """GET something that is not JSON (logs, health)."""
        answer = self._http.request(
            "GET", f"{self.server}/{path}", headers=self._headers, retries=False, timeout=timeout
        )
        if answer.status >= 300:
            raise ApiError(answer.status, answer.data.decode(errors="replace"))
        return answer.data.decode(errors="replace")

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Obj:
        """One request; ApiError unless it succeeded."""
        answer = self._http.request(
            method,
            f"{self.server}/{path}",
            body=None if body is None else json.dumps(body).encode(),
            headers={**self._headers, "Content-Type": content},
            retries=False,
            timeout=30,
        )
        out: Obj = _decoded(answer.data)
        if answer.status >= 300:
            raise ApiError(answer.status, str(out.get("message", out)))
        if self.on_write and method != "GET" and out.get("kind") in KINDS:
            self.on_write(out)
        return out

    def watch(self, kind: str, since: str, seconds: int = 240) -> Iterator[Obj]:
        """Events ({type, object}) after a resourceVersion, until the server ends the stream."""
        query = f"?watch=1&allowWatchBookmarks=true&resourceVersion={since}&timeoutSeconds={seconds}"
        answer = self._http.request(
            "GET",
            f"{self.server}/{path_of(kind)}{query}",
            headers=self._headers,
            retries=False,
            preload_content=False,
            timeout=urllib3.Timeout(connect=5, read=seconds + 30),
        )
        try:
            if answer.status >= 300:
                raise ApiError(answer.status, answer.read().decode(errors="replace"))
            rest = b""
            for chunk in answer.stream(2**16):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        finally:
            answer.close()

    # ------------------------------------------------------------------ reading

    def list_page(self, kind: str, namespace: str | None = None, query: str = "") -> tuple[list[Obj], str]:
        """All objects of a kind and the resourceVersion from which to watch on."""
        out = self.call("GET", path_of(kind, namespace) + query)
        return [{**item, "kind": kind} for item in out.get("items") or []], out["metadata"]["resourceVersion"]

    def list(self, kind: str, namespace: str | None = None) -> list[Obj]:
        """All objects of a kind, read now."""
        return self.list_page(kind, namespace)[0]

    def get(self, kind: str, namespace: str | None, name: str) -> Obj | None:
        """One object, or None."""
        try:
            return self.call("GET", path_of(kind, namespace, name))
        except ApiError as problem:
            if problem.status == 404:
                return None
            raise

    # ------------------------------------------------------------------ writing

    def create(self, obj: Obj, namespace: str | None = None) -> Obj:
        """POST an object."""
        return self.call("POST", path_of(obj["kind"], obj["metadata"].get("namespace", namespace)), obj)

    def apply(self, obj: Obj, namespace: str | None = None, manager: str = "kubectl") -> Obj:
        """Server-side apply: create the object or take over the fields it names."""
        path = path_of(obj["kind"], obj["metadata"].get("namespace", namespace), obj["metadata"]["name"])
        return self.call("PATCH", f"{path}?fieldManager={manager}&force=true", obj, _PATCHES["apply"])

    def patch(
        self, kind: str, namespace: str | None, name: str, body: Any, how: str = "strategic", sub: str = ""
    ) -> Obj:
        """PATCH an object, or its subresource `sub` ("/status")."""
        return self.call("PATCH", path_of(kind, namespace, name) + sub, body, _PATCHES[how])

    def delete(
        self, kind: str, namespace: str | None, name: str, grace: int | None = None, uid: str = ""
    ) -> None:
        """Delete an object; one that is already gone (or is another one by now) is fine."""
        body: Obj = {"propagationPolicy": "Background"}
        if grace is not None:
            body["gracePeriodSeconds"] = grace
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            out = self.call("DELETE", path_of(kind, namespace, name), body)
            if self.on_delete and out.get("kind") == "Status":
                self.on_delete(kind, namespace or "", name)
        except ApiError as problem:
            if problem.status not in (404, 409):
                raise

    def restore(self, old: Obj) -> None:
        """Make the live object equal to one that was read earlier, creating it when it is gone."""
        want = copy.deepcopy(old)
        want.pop("status", None)
        meta = want["metadata"]
        for field in _SERVER_WRITES:
            meta.pop(field, None)
        live = self.get(want["kind"], meta.get("namespace"), meta["name"])
        if live is None:
            self.create(_recreatable(want))
            return
        meta["resourceVersion"] = live["metadata"]["resourceVersion"]
        self.call("PUT", path_of(want["kind"], meta.get("namespace"), meta["name"]), want)


def _recreatable(want: Obj) -> Obj:
    """Drop what the cluster handed out to the former object and will hand out anew."""
    spec, meta = want.get("spec", {}), want["metadata"]
    if want["kind"] == "Service" and spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)
    if want["kind"] == "PersistentVolumeClaim":
        spec.pop("volumeName", None)
        meta.pop("annotations", None)
        meta.pop("finalizers", None)
    return want


def _decoded(data: bytes) -> Obj:
    try:
        out = json.loads(data) if data else {}
    except ValueError:
        out = {}
    return out if isinstance(out, dict) else {"message": out, "raw": data.decode(errors="replace")}
