"""The local cluster: a real control plane with fake nodes. Imports nothing here: the bootstrap loads lab.tools first."""
