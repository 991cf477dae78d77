"""Records the rights of every set-up and command in its own sandbox, and writes the files of page.py.

python -m tests.rights [set-ups | commands]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox import lifecycle, shell_env
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.faults.control import send_order
from tests.engine.projects import Project
from tests.rights.callers import Caller
from tests.rights.commands import COMMANDS, PAIRS, Pair, SideRight, grant_sides, used_sides
from tests.rights.page import commands_document, deployers_document, recorded, write
from tests.rights.set_ups import SET_UPS, Right, SetUp, everything, grant, prepare, used


def record_set_up(set_up: SetUp, paths: Paths, project: Project) -> set[Right]:
    """The rights of a caller who may do everything, deploys a set-up and destroys it."""
    found = prepare(set_up, paths, project)
    grant(found.caller, set_up.side, found.places, everything())
    found.up()
    found.destroy()
    return used(found.caller, set_up.side, found.places)


def record_commands(paths: Paths, project: Project) -> dict[str, set[SideRight]]:
    """The rights of a caller who may do everything and runs one command, by the name of the command."""
    pairs = {name: Pair(project, paths, name).deploy(**config) for name, config in PAIRS.items()}
    found = {}
    for command in COMMANDS:
        caller, pair = Caller(paths), pairs[command.pair]
        grant_sides(caller, pair, {(side, *right) for side in pair.stacks for right in everything()})
        command.run(pair, caller, project.environment, good=True)
        found[command.name] = used_sides(caller, pair)
    return found


def main(part: str = "") -> None:
    """Record the set-ups, the commands or both, and write the files."""
    with tempfile.TemporaryDirectory() as folder:
        state, work = Path(folder, "state"), Path(folder, "project")
        work.mkdir()
        os.environ["ACR_TRANSFER_SANDBOX"] = str(state)
        paths = Paths(state=state, cache=Paths.here().cache)
        try:
            for word in ("up", "seed"):
                subprocess.run([sys.executable, "-m", "sandbox", word], check=True, cwd=CHECKOUT)
            for definition in CLOUDS:
                send_order(paths, definition.side, "grants", seconds=0)
            environment = {**os.environ, **shell_env.variables(paths)}
            project = Project.made(work, CHECKOUT, environment)
            if part != "commands":
                found = {set_up.key: record_set_up(set_up, paths, project) for set_up in SET_UPS}
                write({**recorded(), **deployers_document(found)})
            if part != "set-ups":
                write({**recorded(), **commands_document(record_commands(paths, project))})
        finally:
            lifecycle.down(paths)


if __name__ == "__main__":
    main(*sys.argv[1:2])
