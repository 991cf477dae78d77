"""The components in a program with its own configuration."""

from __future__ import annotations

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.pair import Case, moves_and_proves


def test_a_program_creates_a_registry_and_imports_into_it(copied: Copy, paths: Paths) -> None:
    case = Case("reuse", TARGET, "contosoregion", "landingZoneImport")
    moves_and_proves(case, copied(case.name), paths)
