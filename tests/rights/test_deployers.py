"""Each set-up is deployed by a caller with exactly the documented rights, and by none with fewer."""

from __future__ import annotations

import pytest

from sandbox.cloud.paths import Paths
from tests.engine.projects import Project
from tests.rights.page import recorded, set_up_rights
from tests.rights.set_ups import SET_UPS, Right, SetUp, grant, prepare, used
from tests.rights.share import share

DOCUMENT = recorded()


@pytest.mark.parametrize("set_up", SET_UPS, ids=lambda set_up: set_up.key)
def test_a_caller_with_exactly_the_documented_rights_deploys_and_destroys(
    set_up: SetUp, paths: Paths, project: Project
) -> None:
    rights, found = set_up_rights(DOCUMENT, set_up.side, set_up.name), prepare(set_up, paths, project)
    grant(found.caller, set_up.side, found.places, rights)
    found.up()
    found.destroy()
    assert used(found.caller, set_up.side, found.places) == rights


def first_with_each_right() -> dict[str, tuple[SetUp, Right]]:
    """Each documented action of a side once, with the first set-up that needs it."""
    found: dict[str, tuple[SetUp, Right]] = {}
    for set_up in SET_UPS:
        for right in sorted(set_up_rights(DOCUMENT, set_up.side, set_up.name)):
            found.setdefault(f"{set_up.side}: {right[1]}", (set_up, right))
    return found


REMOVED = first_with_each_right()


@pytest.mark.parametrize("case", share([*REMOVED]))
def test_without_one_right_the_deployment_or_its_end_fails_and_names_it(
    case: str, paths: Paths, project: Project
) -> None:
    set_up, removed = REMOVED[case]
    found = prepare(set_up, paths, project)
    rights = set_up_rights(DOCUMENT, set_up.side, set_up.name) - {removed}
    grant(found.caller, set_up.side, found.places, rights)
    done = found.try_up()
    said = done.stdout if done.returncode else found.destroy(good=False)
    assert f"'{removed[1]}'" in said
