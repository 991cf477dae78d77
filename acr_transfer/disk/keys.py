"""The keys of an encrypted pack: public keys of the readers, and the secret keys that decrypt it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage

from acr_transfer.errors import InputError
from acr_transfer.file_reader import LIST_BYTES, read_text

# The library has no types.
Identity = Any


@dataclass(frozen=True)
class Recipient:
    """A reader's public key."""

    text: str
    """The key as age or SSH writes it, without a comment."""

    key: Any
    """The key for the library."""


def fingerprint(recipients: Sequence[Recipient]) -> str:
    """Identifies a set of public keys: the SHA-256 of their texts, in hex; empty without any."""
    texts = sorted({recipient.text for recipient in recipients})
    return hashlib.sha256("\n".join(texts).encode()).hexdigest() if texts else ""


def recipients(keys: Sequence[str], files: Sequence[Path]) -> list[Recipient]:
    """Public keys of age (`age1…`) or SSH, from the command line and from files with one key a line.

    Raises `InputError` for any other text, and for a secret key.
    """
    lines = [(key, "--recipient") for key in keys]
    for file in files:
        found = _lines(read_text(file, "file of public keys", limit=LIST_BYTES))
        if not found:
            raise InputError(
                f"--recipients-file {file} holds no key, so nothing would be encrypted. "
                "Write one public key (age1…, ssh-ed25519 or ssh-rsa) on each line."
            )
        lines += [(line, str(file)) for line in found]
    return [_recipient(line, where) for line, where in lines]


def _recipient(text: str, where: str) -> Recipient:
    if text.upper().startswith("AGE-SECRET-KEY"):
        raise InputError(
            f"{where} holds a secret key: anyone who has seen it can read the pack. Create a new key, "
            "keep it with the receiver, and pass its public key (age1…) here."
        )
    for kind in (pyrage.x25519.Recipient, pyrage.ssh.Recipient):
        try:
            key = kind.from_str(text)
        except (pyrage.RecipientError, UnicodeEncodeError):
            continue
        # The comment behind an SSH key does not distinguish it.
        return Recipient(" ".join(text.split()[:2]), key)
    raise InputError(f"{where}: {text[:20]!r} is not a public key; expected age1…, ssh-ed25519 or ssh-rsa")


def identities(files: Sequence[Path]) -> list[Identity]:
    """Secret keys from files of age-keygen or ssh-keygen. Raises `InputError`, which shows no key."""
    return [key for file in files for key in _identities(file)]


def _identities(file: Path) -> list[Identity]:
    text = read_text(file, "file of secret keys", limit=LIST_BYTES)
    wrong = "a line is not a secret key of age (AGE-SECRET-KEY-1…)"
    try:
        if "PRIVATE KEY" in text:
            wrong = "an SSH key must be ed25519 or RSA, without passphrase"
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        found = [pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
    except pyrage.IdentityError:
        raise InputError(f"--identity {file} cannot be used: {wrong}") from None
    if not found:
        raise InputError(f"--identity {file} holds no key")
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
