"""The ways out of errors of the command, and of a caller without rights or login."""

from __future__ import annotations

from dataclasses import replace

from tests.ways_out.pair import Pair, leads_out
from tests.ways_out.test_storage import blob, exported


@leads_out("no-login")
def test_a_person_logs_in(pair: Pair) -> None:
    without = ("ARM_USE_MSI", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    environment = {key: value for key, value in pair.project.environment.items() if key not in without}
    environment["AZURE_TOKEN_CREDENTIALS"] = "azureclicredential"
    person = Pair(replace(pair.project, environment=environment), pair.paths, pair.name)
    said = person.command("hop", *pair.both, code=6)
    person.follow(said, "no-login", side="source")
    person.command("hop", *pair.both, code=0)


@leads_out("nothing-exported")
def test_a_deleted_blob_is_exported_again(pair: Pair) -> None:
    for side in ("source", "target"):
        if (found := blob(pair, side, exported(pair))).exists():
            found.delete_blob()
    said = pair.command("hop", *pair.both, code=5)
    pair.follow(said, "nothing-exported", side="source", new="again")
    pair.command("hop", *pair.both, code=0)
    pair.works("source")
