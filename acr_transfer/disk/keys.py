"""The keys of an encrypted pack: public keys of the readers, and the secret keys that decrypt it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyrage

from acr_transfer.errors import InputError
from acr_transfer.file_reader import LIST_BYTES, read_text

# The library has no types.
Recipient = Any
Identity = Any


def recipients(keys: Sequence[str], files: Sequence[Path]) -> list[Recipient]:
    """Public keys of age (`age1…`) or SSH, from the command line and from files with one key a line.

    Raises `InputError` for any other text, and for a secret key.
    """
    lines = [(key, "--recipient") for key in keys]
    for file in files:
        text = read_text(file, "file of public keys", limit=LIST_BYTES)
        lines += [(line, str(file)) for line in _lines(text)]
    return [_recipient(line, where) for line, where in lines]


def _recipient(text: str, where: str) -> Recipient:
    if text.upper().startswith("AGE-SECRET-KEY"):
        raise InputError(
            f"{where} holds a secret key: anyone who has seen it can read the pack. Create a new key, "
            "keep it with the receiver, and pass its public key (age1…) here."
        )
    for kind in (pyrage.x25519.Recipient, pyrage.ssh.Recipient):
        try:
            found: Recipient = kind.from_str(text)
        except pyrage.RecipientError:
            continue
        return found
    raise InputError(f"{where}: {text[:20]!r} is not a public key; expected age1…, ssh-ed25519 or ssh-rsa")


def identities(files: Sequence[Path]) -> list[Identity]:
    """Secret keys from files of age-keygen or ssh-keygen. Raises `InputError`, which shows no key."""
    found: list[Identity] = []
    for file in files:
        text = read_text(file, "file of secret keys", limit=LIST_BYTES)
        wrong = "a line is not a secret key of age (AGE-SECRET-KEY-1…)"
        try:
            if "PRIVATE KEY" in text:
                wrong = "an SSH key must be ed25519 or RSA, without passphrase"
                found.append(pyrage.ssh.Identity.from_buffer(text.encode()))
            else:
                found += [pyrage.x25519.Identity.from_str(line) for line in _lines(text)]
        except pyrage.IdentityError:
            raise InputError(f"--identity {file} cannot be used: {wrong}") from None
    if files and not found:
        raise InputError(f"--identity {files[0]} holds no key")
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
