"""A hostile registry: no traceback, no hang, no false proof, and no credential at a foreign host."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from acr_transfer import __main__, http_requests, retry
from acr_transfer.azure import connect
from acr_transfer.cli.commands import plan as _plan
from acr_transfer.cli.commands import prove as _prove
from acr_transfer.errors import FAILURES, exit_code
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.plan import plan as _planning
from acr_transfer.prove import evidence_page, prove
from acr_transfer.registry import docker_config, limits
from acr_transfer.registry.auth import EntraAuthenticator
from acr_transfer.registry.client import open_registry
from tests.fuzz.campaign import Campaign
from tests.fuzz.hostile_registry import (
    CANARIES,
    ROOT,
    SIGNATURE,
    Answer,
    HostileRegistry,
    digest_of,
    docker_configuration,
)
from tests.fuzz.limits import LONG, Finding, Outcome, Worker
from tests.fuzz.registry_faults import BY_ENDPOINT, REFERRERS, SLOW, header

HERE = "tests.fuzz.test_registry"
LOADED = (connect, _plan, _prove, _planning, evidence_page, prove, docker_config)
"""Modules that a command loads: once here, not in each case."""

CASES = [
    (endpoint, name)
    for endpoint, faults in BY_ENDPOINT.items()
    for name in (*faults, *(SLOW if LONG else ()))
]
FOUND = [
    ("token", "endless text"),
    ("token", "redirect 307"),
    ("exchange", "redirect 307"),
    ("access", "redirect 307"),
    ("challenge", "realm http://{foreign}/token"),
    ("manifest", "as application/json"),
    ("manifest", "as the other kind"),
    ("manifest", "an index of 20,000"),
    ("manifest", "headers byte by byte"),
    ("blob", "body byte by byte"),
    ("blob", "endless"),
    ("tags", "next page {path}?last={number}"),
    ("catalog", "next page {path}?n=1000"),
    ("referrers", "next page http://[::1/x"),
    ("referrers", next(name for name in REFERRERS if "../../../other" in name)),
    ("referrers", "referrers of referrers"),
]
"""Each kind of attack that succeeded once; each set has them; the long set has half of all cases."""


def lower_limits() -> None:
    """Reach every limit within seconds."""
    limits.LIMITS = replace(
        limits.LIMITS, connect=2, idle=1, total=2, slowest_blob=1000, pages=100, names=20_000
    )
    retry._LONGEST_BACKOFF = retry._LONGEST_RETRY_AFTER = 0.02
    http_requests._INTERRUPTED_TRIES = 1


def command(*arguments: str) -> int:
    """Run the command with low limits."""
    lower_limits()
    sys.argv = ["acr-transfer", *arguments]
    return int(__main__.main(list(arguments)) or 0)


class _Login:
    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(CANARIES[1], 2**40)


def read_with_entra(host: str) -> int:
    """Read a manifest with Azure's login."""
    lower_limits()

    async def read() -> int:
        async with open_registry(host, EntraAuthenticator(_Login())) as registry:  # type: ignore[arg-type]
            return 0 if await registry.get("app", "v1") else 1

    try:
        return asyncio.run(read())
    except FAILURES as error:
        print(error)
        return exit_code(error)


@pytest.fixture(scope="module")
def registry() -> Iterator[HostileRegistry]:
    with HostileRegistry() as found:
        yield found


@pytest.fixture(scope="module")
def own_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("registry worker"), [HERE]) as found:
        yield found


@pytest.fixture(scope="module")
def desk(registry: HostileRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lock of the right content, and Docker's configuration."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "config.json").write_text(docker_configuration(registry.host))
    entries = [
        LockedArtifact.build(
            reference=reference,
            digest=digest_of(content),
            media_type="x/y",
            size=1,
            children=(),
            referrers=(),
        )
        for reference, content in (("app:v1", ROOT), (f"app@{digest_of(SIGNATURE)}", SIGNATURE))
    ]
    Lock.of(registry.host, entries).write(folder / "lock.json")
    return folder


class Desk:
    """Runs the commands against the registry."""

    def __init__(self, worker: Worker, registry: HostileRegistry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        environment = {"DOCKER_CONFIG": str(folder), "no_proxy": "*"}
        self._call = functools.partial(worker.call, environment=environment, folder=folder)
        self._at = ("--registry", f"http://{registry.host}")

    def prove(self) -> Outcome:
        return self._command(
            "prove", "--lock", "lock.json", *self._at, "--layers", "all", "--exact", "--json"
        )

    def plan(self) -> Outcome:
        (self._folder / "new.json").unlink(missing_ok=True)
        return self._command("plan", "--repository", "**", *self._at, "--out", "new.json")

    def wrote_a_lock_that_is_refused(self) -> bool:
        written = (self._folder / "new.json").exists()
        return written and self._command("plan", "--diff", "new.json", "new.json").code != 0

    def entra(self) -> Outcome:
        return self._call(f"{HERE}:read_with_entra", f"http://{self._registry.host}")

    def _command(self, *arguments: str) -> Outcome:
        return self._call(f"{HERE}:command", *arguments)


@pytest.fixture(scope="module")
def hostile(own_worker: Worker, registry: HostileRegistry, desk: Path) -> Desk:
    return Desk(own_worker, registry, desk)


def test_the_right_registry_is_proved_and_planned(hostile: Desk, desk: Path) -> None:
    proved = hostile.prove()
    assert proved.code == 0, proved.output
    found = json.loads(proved.output)
    assert (found["good"], found["findings"][0]["children"], len(found["layers"]["read"])) == (True, 2, 3)
    planned = hostile.plan()
    assert planned.code == 0, planned.output
    assert len(Lock.read(desk / "new.json").artifacts) == 2
    assert hostile.entra().code == 0


def test_a_blob_at_a_storage_service_is_read_without_a_credential(
    hostile: Desk, registry: HostileRegistry
) -> None:
    def redirect(answer: Answer, _: HostileRegistry) -> Iterator[bytes | float]:
        where = {"Location": f"http://{registry.foreign_host}/blobs/{digest_of(answer.body)}?sig=x"}
        yield replace(answer, body=b"", status=307, headers=where).content()

    with registry.hostile("blob", redirect):
        outcome = hostile.prove()
    assert outcome.code == 0, outcome.output
    assert len(registry.foreign) == 3
    assert not list(findings(outcome, registry))
    assert not any(b"authorization" in request.lower() for request in registry.foreign)


def test_a_token_is_requested_for_the_needed_scope_only(hostile: Desk, registry: HostileRegistry) -> None:
    wider = 'Bearer realm="http://{own}/token",service="x",scope="repository:other:pull,push"'
    with registry.hostile("challenge", header("WWW-Authenticate", wider)):
        assert hostile.prove().code == 0
    scopes = {line.partition("scope=")[2] for line in registry.lines if "/token?" in line}
    assert scopes == {"repository:app:pull"}


@pytest.mark.parametrize(
    ("name", "code"),
    [("status 403", 6), ("no challenge", 6), ("status 501", 9), ("body page", 9), ("closed", 9)],
)
def test_exact_fails_with_the_code_of_the_reason(
    name: str, code: int, hostile: Desk, registry: HostileRegistry
) -> None:
    with registry.hostile("tags", BY_ENDPOINT["tags"][name]):
        outcome = hostile.prove()
    assert outcome.code == code, outcome.output
    assert "--exact needs the target's tags: " in outcome.output
    found = json.loads(outcome.output.partition("acr-transfer:")[0])
    assert (found["good"], found["extraTagsListed"], found["proved"]) == (False, False, 2)


def findings(outcome: Outcome, registry: HostileRegistry) -> Iterator[Finding]:
    """The promises that a case broke besides those of every case."""
    sent = (*CANARIES, json.loads(docker_configuration("x"))["auths"]["x"]["auth"])
    if any(canary.encode() in request for request in registry.foreign for canary in sent):
        yield Finding.FOREIGN_CREDENTIAL
    if any(canary in outcome.output for canary in CANARIES):
        yield Finding.SECRET
    if "internal error" in outcome.output:
        yield Finding.TRACEBACK


def is_wrong_proof(endpoint: str, name: str) -> bool:
    """Whether an exit code of 0 is false: the content or the list of tags is not what it must be."""
    if endpoint == "blob" and name.startswith("media type"):
        return False  # A blob has any media type.
    return endpoint in ("manifest", "child", "blob", "tags") and name not in RIGHT_ANSWERS


RIGHT_ANSWERS = ("version 2", "next page ")
"""Faults that leave the content as it is: HTTP/2.0 in the status line, and an empty link."""


def test_a_hostile_answer_breaks_no_promise(
    hostile: Desk, registry: HostileRegistry, campaign: Campaign
) -> None:
    cases = [*FOUND, *CASES[:: 2 if LONG else 60]]
    for endpoint, name in cases:
        fault = (BY_ENDPOINT[endpoint] | SLOW)[name]
        for run in (hostile.entra,) if endpoint in ("exchange", "access") else (hostile.prove, hostile.plan):
            if run == hostile.plan and endpoint == "blob":
                continue
            if run == hostile.prove and endpoint == "catalog":
                continue
            with registry.hostile(endpoint, fault):
                outcome = run()
            broken = list(findings(outcome, registry))
            if run == hostile.prove and outcome.code == 0 and is_wrong_proof(endpoint, name):
                broken.append(Finding.FALSE_PROVED)
            if run == hostile.plan and hostile.wrote_a_lock_that_is_refused():
                broken.append(Finding.MESSAGE)
            campaign.record(f"{run.__name__}, {endpoint}, {name}", outcome, *broken)
    assert campaign.found == []
