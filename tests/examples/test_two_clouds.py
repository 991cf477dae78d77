"""Two clouds that one machine can reach."""

from __future__ import annotations

from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from tests.examples.conftest import Copy
from tests.examples.pair import Case, moves_and_proves


def test_images_move_from_cloud_to_cloud(copied: Copy, paths: Paths) -> None:
    case = Case("two-clouds", TARGET, "contosotarget", "twoCloudsImport")
    moves_and_proves(case, copied(case.name), paths)
