"""What each program of the control plane is told: configuration files and command lines.

Every flag is here for a reason: a start within seconds, a cluster that notices a lost machine soon, or an
address that nobody outside this machine can reach.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lab.layout import ZONES, Ports
from lab.tools import tool

Command = list[str | Path]

_SCHEDULER = """\
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 2
leaderElection: {{leaderElect: false}}
clientConnection: {{kubeconfig: {kubeconfig}, qps: 300, burst: 600}}
"""

# Every write but the endless small ones of the machinery; no bodies, for they may hold secrets.
_AUDIT = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, verbs: [get, list, watch]}
- level: None
  resources:
  - {group: "", resources: [events, nodes/status, pods/status]}
  - {group: coordination.k8s.io}
  - {group: events.k8s.io}
- {level: None, users: ["system", "system:apiserver"]}
- {level: Metadata}
"""

# kwok makes nodes Ready and keeps its hands off pods: a stage that fits none replaces its own ones.
_STAGES = """\
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: node-becomes-ready}
spec:
  resourceRef: {apiGroup: v1, kind: Node}
  selector:
    matchExpressions:
    - key: .status.conditions.[] | select( .type == "Ready" ) | .status
      operator: NotIn
      values: ["True"]
  next:
    statusTemplate: |
      {{ $now := Now }}
      conditions:
      {{ range NodeConditions }}
      - type: {{ .type | Quote }}
        status: {{ .status | Quote }}
        reason: {{ .reason | Quote }}
        message: {{ .message | Quote }}
        lastHeartbeatTime: {{ $now | Quote }}
        lastTransitionTime: {{ $now | Quote }}
      {{ end }}
      phase: Running
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: leave-pods-alone}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.name, operator: In, values: [/no-such-pod/]}
  next: {statusTemplate: "{}"}
"""


def write_configuration(home: Path) -> None:
    """Configuration files of the API server, the scheduler and kwok."""
    folder = home / "config"
    folder.mkdir(exist_ok=True)
    (folder / "scheduler.yaml").write_text(_SCHEDULER.format(kubeconfig=home / "system.kubeconfig"))
    (folder / "audit.yaml").write_text(_AUDIT)
    (folder / "stages.yaml").write_text(_STAGES)


def commands(home: Path, ports: Ports) -> dict[str, Command]:
    """What to start, by name; the API server needs etcd, and all the others need the API server."""
    kubelet: Command = [sys.executable, "-m", "lab", "kubelet", "--dir", home, "--port", str(ports.kubelet)]
    return {
        "etcd": _etcd(home, ports),
        "kube-apiserver": _apiserver(home, ports),
        "kube-controller-manager": _controllers(home),
        "kube-scheduler": [
            tool("kube-scheduler"),
            f"--config={home}/config/scheduler.yaml",
            "--secure-port=0",
        ],
        # one kwok for each zone: stopping it is the outage of that zone
        **{f"kwok-{zone}": _kwok(home, zone) for zone in ZONES},
        "kubelet": kubelet,
    }


def _etcd(home: Path, ports: Ports) -> Command:
    client, peer = f"http://127.0.0.1:{ports.etcd}", f"http://127.0.0.1:{ports.peer}"
    return [
        tool("etcd"),
        f"--data-dir={home}/etcd",
        "--unsafe-no-fsync",  # a lab that loses power may lose its last second
        "--log-level=error",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def _apiserver(home: Path, ports: Ports) -> Command:
    pki = home / "pki"
    return [
        tool("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{ports.etcd}",
        f"--secure-port={ports.api}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # no endpoint may have a loopback address
        f"--cert-dir={home}/certs",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--service-account-key-file={pki}/sa.key",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--token-auth-file={home}/tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--enable-aggregator-routing=false",  # the metrics API is reached by an external name, see lab.nodes
        "--default-not-ready-toleration-seconds=5",
        "--default-unreachable-toleration-seconds=5",
        f"--audit-policy-file={home}/config/audit.yaml",
        f"--audit-log-path={home}/audit.log",
        "--audit-log-maxsize=50",
        "--audit-log-maxbackup=1",
    ]


def _controllers(home: Path) -> Command:
    return [
        tool("kube-controller-manager"),
        f"--kubeconfig={home}/system.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={home}/pki/sa.key",
        f"--root-ca-file={home}/pki/ca.crt",
        "--kube-api-qps=300",
        "--kube-api-burst=600",
        "--node-monitor-period=2s",
        "--node-monitor-grace-period=20s",
        "--pvclaimbinder-sync-period=2s",
        "--horizontal-pod-autoscaler-sync-period=3s",
        "--horizontal-pod-autoscaler-downscale-stabilization=5s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
        "--resource-quota-sync-period=5s",
        "--concurrent-namespace-syncs=10",
        "--concurrent-deployment-syncs=10",
        "--concurrent-endpoint-syncs=10",
        "--endpointslice-updates-batch-period=200ms",
    ]


def _kwok(home: Path, zone: str) -> Command:
    return [
        tool("kwok"),
        f"--kubeconfig={home}/system.kubeconfig",
        f"--config={home}/config/stages.yaml",
        f"--manage-nodes-with-label-selector=topology.kubernetes.io/zone={zone}",
        "--node-lease-duration-seconds=12",
        "--node-ip=127.0.0.1",
    ]
