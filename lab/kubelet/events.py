"""Events as a kubelet writes them: one object per (pod, reason, message) whose count grows.

Writing goes through a queue and a thread of its own, because an event must never hold up a pod.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from dataclasses import dataclass

from lab.kube import ApiError, Kube
from lab.objects import Obj, timestamp

log = logging.getLogger(__name__)


@dataclass
class _Series:
    name: str
    count: int
    last: float


class EventWriter:
    """Takes events from the kubelet and writes them in order."""

    def __init__(self, kube: Kube, repeat: float) -> None:
        self._kube, self._repeat = kube, repeat
        self._series: dict[tuple[str, str, str], _Series] = {}
        self._queue: queue.Queue[tuple[Obj, _Series, str, str, str]] = queue.Queue()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start writing."""
        threading.Thread(target=self._write_forever, name="events", daemon=True).start()

    def post(self, pod: Obj, kind: str, reason: str, message: str) -> None:
        """Say something about a pod; said again within `repeat` seconds, it is not written."""
        key, now = (pod["metadata"]["uid"], reason, message), time.monotonic()
        with self._lock:
            series = self._series.get(key)
            if series and now - series.last < self._repeat:
                return
            if series is None:
                name = f"{pod['metadata']['name']}.{uuid.uuid4().hex[:16]}"
                series = self._series[key] = _Series(name, 0, now)
            series.count, series.last = series.count + 1, now
        self._queue.put((pod, series, kind, reason, message))

    def forget(self, uids: set[str]) -> None:
        """Drop what is remembered about pods that are gone."""
        with self._lock:
            self._series = {key: s for key, s in self._series.items() if key[0] not in uids}

    def _write_forever(self) -> None:
        while True:
            pod, series, kind, reason, message = self._queue.get()
            try:
                self._write(pod, series, kind, reason, message)
            except ApiError as problem:
                if problem.status not in (403, 404, 409):  # a namespace that is going away takes no events
                    log.warning("event %s: %s", reason, problem)
            except Exception as problem:  # the API server may be away for a while
                log.warning("event %s: %r", reason, problem)

    def _write(self, pod: Obj, series: _Series, kind: str, reason: str, message: str) -> None:
        namespace, now = pod["metadata"]["namespace"], timestamp()
        if series.count > 1:
            body = {"count": series.count, "lastTimestamp": now}
            self._kube.patch("Event", namespace, series.name, body, "merge")
            return
        self._kube.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": series.name, "namespace": namespace},
                "type": kind,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
                "reportingComponent": "kubelet",
                "reportingInstance": pod["spec"]["nodeName"],
                "involvedObject": {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "namespace": namespace,
                    "name": pod["metadata"]["name"],
                    "uid": pod["metadata"]["uid"],
                },
            }
        )
