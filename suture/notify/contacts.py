"""Contacts and their ways: addresses come from the escalation file, or from a variable or a file that it names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from suture.domain.errors import Invalid


def resolve(contacts: Mapping[str, Sequence[SecretStr]]) -> dict[str, dict[str, SecretStr]]:
    """The ways of each contact by name (`on-call`, `on-call#2`, ...), with their addresses in clear.

    Raises Invalid that names the contact and the variable or file, never an address.
    """
    return {
        contact: {
            contact if number == 1 else f"{contact}#{number}": _address(contact, address.get_secret_value())
            for number, address in enumerate(addresses, 1)
        }
        for contact, addresses in contacts.items()
    }


def _address(contact: str, text: str) -> SecretStr:
    kind, _, rest = text.partition(":")
    if kind == "env":
        found = os.environ.get(rest, "").strip()
        missing = f"set the variable {rest}"
    elif kind == "file":
        found, missing = _read(Path(rest)), f"put the address into {rest}"
    else:
        return SecretStr(text)
    if not found:
        raise Invalid(f"the contact {contact} has no address: {missing}")
    return SecretStr(found)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
