"""`suture token`: a new static token for a person. It is shown once; only its hash is kept, in the access file."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(metavar="NAME", help="Whose token it is.")]
AsRole = Annotated[str, typer.Option("--role", help="viewer, responder, approver or admin.")]


def token(name: Name, role: AsRole = "approver") -> None:
    """Make a token for a person and print the lines that the access file needs."""
    from suture import access
    from suture.cli.problems import WrongUse

    if role not in list(access.Role):
        raise WrongUse(f"role {role!r} is unknown", f"it is {', '.join(access.Role)}")
    made = access.new_token()
    person = access.Person(name=name, roles=[access.Role(role)], token=access.hashed(made))
    print(f"token of {person.name}, shown this once: {made}")
    print("under `people:` of the access file (SUTURE_ACCESS_FILE):")
    print(f"  - name: {_quoted(person.name)}\n    roles: [{person.role}]\n    token: {person.token}")


def _quoted(name: str) -> str:
    """The name as YAML takes it."""
    import yaml

    return yaml.safe_dump(name, allow_unicode=True, width=1000).removesuffix("\n").removesuffix("\n...")
