"""A new registry in the same subscription."""

from __future__ import annotations

from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.pair import Case, moves_and_proves


def test_a_new_registry_is_created_and_receives_the_images(copied: Copy, paths: Paths) -> None:
    case = Case("one-subscription", SOURCE, "contosocopy", "oneSubscriptionImport")
    moves_and_proves(case, copied(case.name), paths)
