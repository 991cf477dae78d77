"""Pipelines without SAS tokens."""

from __future__ import annotations

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.pair import Case, moves_and_proves


def test_images_move_without_a_token(copied: Copy, paths: Paths) -> None:
    case = Case("managed-identity", TARGET, "contosotarget", "managedIdentityImport")
    moves_and_proves(case, copied(case.name), paths)
