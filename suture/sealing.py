"""Seal secret values at the edge: what is sealed can be compared and, by whoever holds the key, put back; never read.

AES-SIV (RFC 5297) is deterministic, so the same value gives the same text: a sealed value serves as a keyed hash, and with
the key also as the encrypted original. Without permission to restore, an HMAC takes its place.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from suture.domain.errors import Irreversible

SEALED = "sealed:v1:"
HASHED = "sealed:h1:"


class Sealer:
    """Seals text with a 64-byte key. `restorable=False` keeps only keyed hashes."""

    def __init__(self, key: bytes, restorable: bool = True) -> None:
        self._key = key
        self._siv = AESSIV(key) if restorable else None

    def seal(self, value: str) -> str:
        """A deterministic stand-in for the value; sealing a sealed text returns it unchanged."""
        if is_sealed(value):
            return value
        if self._siv is None:
            return HASHED + hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()
        return SEALED + base64.urlsafe_b64encode(self._siv.encrypt(value.encode() or b"\0", None)).decode()

    def unseal(self, text: str) -> str:
        """The original; a text that is not sealed is returned unchanged. Raises Irreversible when it cannot be had back."""
        if not is_sealed(text):
            return text
        if self._siv is None or text.startswith(HASHED):
            raise Irreversible(
                "the secret value was kept as a hash only: restore it by hand, or configure an encryption key"
            )
        try:
            plain = self._siv.decrypt(base64.urlsafe_b64decode(text.removeprefix(SEALED)), None)
        except (InvalidTag, ValueError) as e:
            raise Irreversible("the secret value was sealed with another key than the one in use") from e
        return "" if plain == b"\0" else plain.decode()


def is_sealed(text: str) -> bool:
    """Whether a text is the product of a Sealer."""
    return text.startswith((SEALED, HASHED))
