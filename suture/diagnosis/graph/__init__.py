"""The dependency graph: what can influence an object, and whom it would take down.

Pure code over a snapshot. `build` reads every selector and reference as Kubernetes resolves it; `Graph.around`
says what an object depends on or is limited, selected or reached by, nearest first; `Graph.dependents` turns the
question round. Each kind of edge has a reader in a module of its own, listed in `build.py`.
"""

from suture.diagnosis.graph.build import build
from suture.diagnosis.graph.edges import Edge, Reach
from suture.diagnosis.graph.graph import Graph

__all__ = ["Edge", "Graph", "Reach", "build"]
