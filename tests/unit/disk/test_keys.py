"""A recipient that is no public key is refused, whatever its characters are."""

from __future__ import annotations

import pytest

from acr_transfer.disk.keys import recipients
from acr_transfer.errors import InputError


@pytest.mark.parametrize("text", ["age1\udcff", "age1", "ssh-ed25519 \ud800", "\0"])
def test_a_text_that_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a public key"):
        recipients([text], [])
