"""Random small clusters with every kind of object that the ledger records, for properties of reverts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from suture.domain.snapshot import Manifest
from tests.diagnosis.builder import NS, ago

NAMES = st.sampled_from(["api", "cache", "mailer", "web-2"])
WORDS = st.text("abcdef-0", min_size=1, max_size=6).map(lambda w: f"x{w}")
NUMBERS = st.integers(1, 90)
SIZES = st.sampled_from(["64Mi", "100m", "2", "1Gi"])
PORTS = st.integers(1024, 9999)
LABELS = st.dictionaries(st.sampled_from(["app", "tier", "example.net/part"]), WORDS, min_size=1, max_size=3)
NAMESPACELESS = (
    "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass", "IngressClass",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Node", "Namespace",
)  # fmt: skip


@st.composite
def templates(draw: st.DrawFn) -> Manifest:
    names = draw(st.lists(st.sampled_from(["main", "proxy", "agent"]), min_size=1, max_size=3, unique=True))
    return {
        "metadata": {"labels": draw(LABELS)},
        "spec": {"containers": [draw(containers(n)) for n in names], "dnsPolicy": "ClusterFirst",
                 "nodeSelector": draw(LABELS), "serviceAccountName": draw(NAMES),
                 "tolerations": [{"key": draw(WORDS), "operator": "Exists"}],
                 "volumes": [{"name": "v", "configMap": {"name": draw(NAMES)}}]},
    }  # fmt: skip


@st.composite
def containers(draw: st.DrawFn, name: str) -> Manifest:
    return {
        "name": name, "image": f"registry.example.com/{draw(WORDS)}:{draw(NUMBERS)}", "args": draw(st.lists(WORDS, max_size=2)),
        "env": [{"name": "LEVEL", "value": draw(WORDS)}, {"name": "SIZE", "value": str(draw(NUMBERS))}],
        "ports": [{"name": "http", "containerPort": draw(PORTS)}],
        "resources": {"limits": {"memory": draw(SIZES)}, "requests": {"memory": draw(SIZES)}},
        "readinessProbe": {"httpGet": {"path": f"/{draw(WORDS)}", "port": "http"}, "periodSeconds": draw(NUMBERS)},
        "volumeMounts": [{"name": "v", "mountPath": f"/{draw(WORDS)}"}],
        "securityContext": {"runAsUser": draw(NUMBERS), "readOnlyRootFilesystem": draw(st.booleans())},
    }  # fmt: skip


RULES = st.lists(
    st.builds(lambda r, v: {"apiGroups": [""], "resources": r, "verbs": v},
              st.lists(WORDS, min_size=1, max_size=2), st.lists(WORDS, min_size=1, max_size=3)),
    min_size=1, max_size=2,
)  # fmt: skip
HOOKS = st.builds(
    lambda p, t: [{"name": "check.example.net", "failurePolicy": p, "timeoutSeconds": t}], WORDS, NUMBERS
)
DATA = st.dictionaries(st.sampled_from(["LEVEL", "app.conf", "TOKEN_"]), WORDS, min_size=1, max_size=3)
BACKEND = st.builds(lambda n, p: {"service": {"name": n, "port": {"number": p}}}, NAMES, PORTS)


def _spec(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Manifest]:
    return st.fixed_dictionaries({"spec": st.fixed_dictionaries(fields)})


SELECTED = st.builds(lambda labels: {"matchLabels": labels}, LABELS)
BODIES: dict[str, st.SearchStrategy[Manifest]] = {
    "Deployment": _spec(replicas=NUMBERS, selector=SELECTED, template=templates(), minReadySeconds=NUMBERS),
    "StatefulSet": _spec(replicas=NUMBERS, selector=SELECTED, template=templates(), serviceName=NAMES),
    "DaemonSet": _spec(selector=SELECTED, template=templates()),
    "CronJob": _spec(
        schedule=WORDS,
        suspend=st.booleans(),
        jobTemplate=st.builds(lambda t: {"spec": {"template": t}}, templates()),
    ),
    "Service": _spec(
        selector=LABELS,
        ports=st.builds(lambda a, b: [{"name": "http", "port": a, "targetPort": b}], PORTS, PORTS),
    ),
    "ConfigMap": st.fixed_dictionaries({"data": DATA}),
    "Secret": st.fixed_dictionaries({"data": DATA, "type": st.just("Opaque")}),
    "PersistentVolumeClaim": _spec(
        storageClassName=WORDS, resources=st.builds(lambda s: {"requests": {"storage": s}}, SIZES)
    ),
    "PersistentVolume": _spec(storageClassName=WORDS, capacity=st.builds(lambda s: {"storage": s}, SIZES)),
    "ServiceAccount": st.fixed_dictionaries({"imagePullSecrets": st.builds(lambda n: [{"name": n}], NAMES)}),
    "Role": st.fixed_dictionaries({"rules": RULES}),
    "ClusterRole": st.fixed_dictionaries({"rules": RULES}),
    "RoleBinding": st.fixed_dictionaries(
        {"subjects": st.builds(lambda n: [{"kind": "User", "name": n}], WORDS)}
    ),
    "ClusterRoleBinding": st.fixed_dictionaries(
        {"subjects": st.builds(lambda n: [{"kind": "User", "name": n}], WORDS)}
    ),
    "HorizontalPodAutoscaler": _spec(
        minReplicas=NUMBERS,
        maxReplicas=NUMBERS,
        scaleTargetRef=st.builds(lambda n: {"kind": "Deployment", "name": n}, NAMES),
    ),
    "PodDisruptionBudget": _spec(minAvailable=NUMBERS, selector=SELECTED),
    "NetworkPolicy": _spec(
        podSelector=SELECTED,
        ingress=st.builds(
            lambda s, p: [{"from": [{"podSelector": s}], "ports": [{"port": p}]}], SELECTED, PORTS
        ),
    ),
    "Ingress": _spec(
        ingressClassName=WORDS,
        rules=st.builds(
            lambda h, b: [{"host": f"{h}.example.net", "http": {"paths": [{"path": "/", "backend": b}]}}],
            WORDS,
            BACKEND,
        ),
    ),
    "ResourceQuota": _spec(
        hard=st.builds(lambda a, b: {"pods": str(a), "requests.memory": b}, NUMBERS, SIZES)
    ),
    "LimitRange": _spec(limits=st.builds(lambda m: [{"type": "Container", "max": {"memory": m}}], SIZES)),
    "PriorityClass": st.fixed_dictionaries({"value": NUMBERS}),
    "StorageClass": st.fixed_dictionaries({"provisioner": WORDS}),
    "IngressClass": _spec(controller=WORDS),
    "ValidatingWebhookConfiguration": st.fixed_dictionaries({"webhooks": HOOKS}),
    "MutatingWebhookConfiguration": st.fixed_dictionaries({"webhooks": HOOKS}),
    "Node": _spec(
        taints=st.builds(lambda k: [{"key": k, "effect": "NoSchedule"}], WORDS), unschedulable=st.booleans()
    ),
    "Namespace": st.builds(lambda labels: {"labels": labels}, LABELS),
}


@st.composite
def clusters(draw: st.DrawFn, *wanted: str) -> list[Manifest]:
    """Objects of a few random kinds, and of those that are wanted."""
    chosen = draw(st.lists(st.sampled_from(sorted(BODIES)), min_size=1, max_size=5, unique=True))
    return [_object(kind, draw(NAMES), draw(BODIES[kind])) for kind in dict.fromkeys([*wanted, *chosen])]


def _object(kind: str, name: str, body: Manifest) -> Manifest:
    meta: Manifest = {
        "name": name,
        "uid": f"{kind}-{name}",
        "resourceVersion": "7",
        "creationTimestamp": ago(9000),
    }
    meta |= {} if kind in NAMESPACELESS else {"namespace": NS}
    meta |= {"labels": body["labels"]} if "labels" in body else {}
    return {"kind": kind, "metadata": meta, **{k: v for k, v in body.items() if k != "labels"}}
