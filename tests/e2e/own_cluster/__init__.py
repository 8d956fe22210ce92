"""What `suture up` does on a user's cluster, with the rights of deploy/rbac.yaml; a package, as `autopilot` is."""
