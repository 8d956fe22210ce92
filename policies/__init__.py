"""Who may do what: the router, the policy engine and the guardrails, with their rules as data."""
