"""The kubelet's HTTPS port: container logs for `kubectl logs`, and the metrics API for autoscalers."""

from __future__ import annotations

import http.server
import json
import socketserver
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lab.kubelet.memory import ContainerMemory
from lab.objects import Obj, app_of, dig, is_ready, matches, quantity, timestamp
from lab.world import World

METRICS = "metrics.k8s.io/v1beta1"
Query = dict[str, str]


def log_text(memory: ContainerMemory, query: Query) -> str:
    """What `kubectl logs` shows. After a crash the last run counts as the current and the previous one."""
    lines = memory.log.current
    if query.get("previous") == "true" and memory.started:
        lines = memory.log.previous
    if query.get("tailLines"):
        lines = lines[-int(query["tailLines"]) :] if int(query["tailLines"]) else []
    stamped = query.get("timestamps") == "true"
    text = "".join(f"{timestamp(at)} {line}\n" if stamped else f"{line}\n" for at, line in lines)
    return text[: int(query["limitBytes"])] if query.get("limitBytes") else text


def _usage(world: World, pod: Obj, container: Obj) -> Obj:
    namespace, app = pod["metadata"]["namespace"], app_of(pod)
    program = world.program(namespace, app, container["name"])
    cpu = program.get("cpu_use", "50m")
    if "cpu_total" in program:  # a load that the ready pods of this program share
        share = quantity(program["cpu_total"]) / max(1, sum(map(is_ready, world.pods(namespace, app))))
        cpu = f"{int(share * 1000)}m"
    return {"name": container["name"], "usage": {"cpu": cpu, "memory": "64Mi"}}


def pod_metrics(world: World, pod: Obj) -> Obj:
    """What a pod uses, according to the description of its software."""
    meta = pod["metadata"]
    return {
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": meta.get("labels", {})},
        "timestamp": timestamp(),
        "window": "10s",
        "containers": [_usage(world, pod, c) for c in pod["spec"]["containers"]],
    }


def metrics(world: World, parts: list[str], query: Query) -> Obj | None:
    """Answer a path below /apis/metrics.k8s.io/v1beta1, already split; None if there is nothing."""
    if not parts:
        verbs = ["get", "list"]
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": METRICS,
            "resources": [
                {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics", "verbs": verbs}
            ],
        }
    namespace = parts[1] if parts[0] == "namespaces" and len(parts) > 1 else None
    pods = [p for p in world.all("Pod", namespace) if is_ready(p)]
    if parts[-2:-1] == ["pods"]:
        found = next((p for p in pods if p["metadata"]["name"] == parts[-1]), None)
        return {"kind": "PodMetrics", "apiVersion": METRICS, **pod_metrics(world, found)} if found else None
    selector = dict(
        pair.split("=", 1)
        for pair in query.get("labelSelector", "").replace("==", "=").split(",")
        if "=" in pair and "!" not in pair
    )
    items = [
        pod_metrics(world, p) for p in pods if matches({"matchLabels": selector}, dig(p, "metadata.labels"))
    ]
    return {"kind": "PodMetricsList", "apiVersion": METRICS, "metadata": {}, "items": items}


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def serve(
    port: int,
    certificate: Path,
    key: Path,
    world: Callable[[], World],
    find: Callable[[str, str, str], ContainerMemory | None],
) -> None:
    """Answer on 127.0.0.1 from a thread of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            match url.path.strip("/").split("/"):
                case ["containerLogs", namespace, pod, container]:
                    memory = find(namespace, pod, container)
                    self._answer(log_text(memory, query) if memory else None, "text/plain")
                case ["apis", "metrics.k8s.io", "v1beta1", *rest]:
                    out = metrics(world(), rest, query)
                    self._answer(json.dumps(out) if out else None, "application/json")
                case _:
                    self._answer(None, "text/plain")

        def _answer(self, text: str | None, content: str) -> None:
            body = (text if text is not None else "not found\n").encode()
            self.send_response(200 if text is not None else 404)
            self.send_header("Content-Type", content)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not worth a line."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = _Server(("127.0.0.1", port), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, name="kubelet-port", daemon=True).start()
