"""The components in a program outside this repository's."""

from __future__ import annotations

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.pair import Case, moves_and_proves


def test_a_program_with_its_own_registry_fills_it(copied: Copy, paths: Paths) -> None:
    case = Case("reuse", TARGET, "contosoregion", "landingZoneImport")
    moves_and_proves(case, copied(case.name), paths)
