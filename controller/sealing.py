"""AES-256-GCM with a key that a person chose: what is written for keeps (recorded calls, voices) is sealed with this.

Knows bytes; knows no file. The package `cryptography` is imported where there is a key, and nowhere else.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import Final

from controller.errors import UsageError

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16

_DERIVED: Final = 64
"""Keys that are kept once they were derived: each takes 50 ms, on purpose."""


class Seal:
    """One key."""

    def __init__(self, key: str, salt: bytes) -> None:
        """
        Args:
            key: what a person chose.
            salt: in the clear beside what is sealed; the same key with another salt is another key.
        Raises:
            UsageError: the package is missing.
        """
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ImportError as error:
            raise UsageError(
                "A key is set, but the package cryptography is not installed: run `make setup`, "
                "or `pip install 'dragoman[recorder]'`."
            ) from error
        self._invalid = InvalidTag
        self._aead = AESGCM(_derived(key, salt))

    def close(self, content: bytes, nonce: bytes, about: bytes) -> bytes:
        """Sealed. A nonce is used once with a key; `about` is not kept, and must be given again to open."""
        return self._aead.encrypt(nonce, content, about)

    def open(self, sealed: bytes, nonce: bytes, about: bytes) -> bytes | None:
        """What was sealed; None where it is not what was written, or the key is another one."""
        try:
            return self._aead.decrypt(nonce, sealed, about)
        except self._invalid:
            return None


def salt() -> bytes:
    """A new one."""
    return secrets.token_bytes(SALT_BYTES)


@lru_cache(_DERIVED)
def _derived(key: str, salt: bytes) -> bytes:
    return hashlib.scrypt(key.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
