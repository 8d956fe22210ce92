"""`python -m lab`: start and stop the cluster, place applications, run scenarios."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lab.cluster import LabCluster, LabError
from lab.settings import FAST, Settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, help_text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text)
        added.add_argument(
            "--dir", type=Path, default=Path(".lab"), help="the cluster's state (default: .lab)"
        )
        return added

    up = command("up", "start the cluster, or resume it")
    up.add_argument("--fresh", action="store_true", help="forget the cluster that was in this directory")
    up.add_argument("--fast", action="store_true", help="for benchmarks: pods are ready within half a second")
    command("down", "stop the cluster; its data stay")
    command("status", "tell whether the cluster runs")
    kubelet = command("kubelet", "the fake nodes' kubelet (started by up)")
    kubelet.add_argument("--port", type=int, required=True)
    deploy = command("deploy", "place a sample application")
    deploy.add_argument("app")
    deploy.add_argument("namespace")
    deploy.add_argument("--apps", type=Path, help="the folder of the application's files")
    _trials(
        command("validate", "prove that scenarios break the application and their reference fix heals it"),
        True,
    )
    _trials(command("run", "inject the same faults, and judge the engine that is attached"), False)
    return parser


def _trials(parser: argparse.ArgumentParser, validate: bool) -> None:
    parser.add_argument("scenario", nargs="*", type=Path, help="files or folders (default: the lab's own)")
    parser.add_argument("--only", default="*", help="a glob over file names")
    parser.add_argument("--apps", type=Path, help="look for applications here first")
    parser.add_argument("--jobs", type=int, default=3 if validate else 1, help="trials at the same time")
    parser.add_argument("--timeout", type=float, default=120 if validate else 180, help="seconds to heal")
    parser.add_argument(
        "--sustain", type=float, default=0 if validate else 10, help="seconds to stay healthy"
    )
    parser.add_argument(
        "--settle", type=float, default=1 if validate else 15, help="healthy seconds before the fault"
    )
    parser.add_argument(
        "--observe", type=float, default=5 if validate else 30, help="seconds to watch a control"
    )
    parser.add_argument("--json", type=Path, help="write the verdicts here")
    parser.add_argument("--keep", action="store_true", help="leave the namespaces in place")
    if not validate:
        parser.add_argument("--post", metavar="URL", help="where Alertmanager would send its webhook")


def _up(args: argparse.Namespace) -> int:
    cluster = LabCluster(args.dir)
    cluster.up(fresh=args.fresh, settings=FAST if args.fast else Settings() if args.fresh else None)
    print(
        f"export KUBECONFIG={cluster.engine_kubeconfig}  # for the engine; {cluster.kubeconfig} is for people"
    )
    return 0


def _kubelet(args: argparse.Namespace) -> int:
    from lab.kubelet.loop import Kubelet

    Kubelet(args.dir.resolve()).run(args.port)
    return 0


def _deploy(args: argparse.Namespace) -> int:
    from lab.apps import deploy, wait_healthy

    kubeconfig = LabCluster(args.dir).kubeconfig
    deploy(kubeconfig, args.app, args.namespace, folder=args.apps)
    wait_healthy(kubeconfig, args.namespace)
    return 0


def _judge(args: argparse.Namespace) -> int:
    from lab.scenario import alert, judge, run

    cluster = LabCluster(args.dir)
    if not cluster.running():
        raise LabError(f"no cluster runs in {args.dir}: python -m lab up --dir {args.dir}")
    heal = alert.poster(args.post) if args.command == "run" else judge.reference_fix
    terms = judge.Terms(args.settle, args.sustain, args.timeout, args.observe, args.keep, args.apps)
    files = run.files_of(args.scenario, args.only)
    return 0 if run.report(cluster, files, heal, terms, args.jobs, args.json) else 1


def _status(args: argparse.Namespace) -> int:
    running = LabCluster(args.dir).running()
    print("running" if running else "not running")
    return 0 if running else 1


def main() -> int:
    """Run a command."""
    args = _parser().parse_args()
    try:
        match args.command:
            case "up":
                return _up(args)
            case "down":
                LabCluster(args.dir).down()
                return 0
            case "status":
                return _status(args)
            case "kubelet":
                return _kubelet(args)
            case "deploy":
                return _deploy(args)
            case _:
                return _judge(args)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
