"""Hostile configurations through the real engine: a preview ends in one message, and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.cloud.definitions import SOURCE, TARGET, CloudDefinition
from sandbox.cloud.paths import CHECKOUT
from stack.keys import KEYS
from tests.engine.projects import Project
from tests.fuzz.campaign import Campaign
from tests.fuzz.limits import LONG, Finding, run_process

KEY = base64.b64encode(hashlib.sha512(b"canary").digest()).decode()
SIGNATURE = quote(base64.b64encode(hashlib.sha256(b"canary").digest()).decode(), safe="")
TOKEN = f"?sv=2025-01-05&sr=c&sp=rl&sig={SIGNATURE}"
BEARER = (
    f"eyJhbGciOiJSUzI1NiJ9.{base64.urlsafe_b64encode(hashlib.sha512(b'canary').digest()).decode()[:80]}.c2ln"
)
AGE = "AGE-SECRET-KEY-1QQPQXZ2MWJX7CANARY0CANARY0CANARY"
CANARIES = (KEY, KEY[:20], SIGNATURE, "canary-password", BEARER[-60:], AGE[15:])
"""The parts of the planted credentials that no output may hold."""

VALUES: Mapping[str, Any] = {
    "number": 12,
    "fraction": -1.5,
    "flag": True,
    "list": ["a", 1, None, ["b"]],
    "object": {"a": {"b": ["c"]}},
    "text": "no value of any key \u2028",
    "control characters": "a\x1b[2J\x07\r\n\u202eb\nerror: FORGED",
    "log command": "##vso[task.setvariable variable=a]b",
    "another log command": "\n::set-output name=a::b",
    "colour of Pulumi": "<{%fg 1%}>red<{%reset%}>",
    "path": "../../../../etc/passwd",
    "absolute path": "/etc/shadow",
    "missing file": "./missing/\u00e9.json",
    "FIFO": "fifo",
    "endless file": "/dev/zero",
    "file without end": "/dev/stdin",
    "folder": "/proc/self",
    "link that leads nowhere": "nowhere",
    "link to itself": "loop",
    "file of nested lists": "deep.json",
    "huge file": "huge.json",
    "file that is not text": "binary",
    "huge text": "x" * 1_000_000,
    "many lines": "a\n" * 20_000,
    "nested text": "[" * 50_000,
    "nested object": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "long list": [f"app:{number}" for number in range(3000)],
    "deep list": json.loads("[" * 90 + "]" * 90),
    "long number": "9" * 5000,
    "SAS token": TOKEN,
    "URL with a SAS token": f"https://account.blob.core.windows.net/transfer{TOKEN}",
    "URL with a password": "https://user:canary-password@contoso.azurecr.io/app:1",
    "connection string": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY}",
    "account key": KEY,
    "bearer token": f"Bearer {BEARER}",
    "key of age": AGE,
    "list with a credential": [f"https://a/b{TOKEN}", KEY],
    "object with a credential": {"a": KEY, "b": {"c": f"https://a/b{TOKEN}"}},
    "private key": f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----",
}
"""Values that no key has."""

PLAIN = ("--non-interactive", "--suppress-progress", "--color", "never")

Case = tuple[str, CloudDefinition, Mapping[str, Any]]


def _of_one_key() -> Iterator[Case]:
    """Each key with three values, so that each value meets several keys."""
    values = itertools.cycle(VALUES.items())
    for key in KEYS:
        side = TARGET if key.side == "target" else SOURCE
        for kind, value in itertools.islice(values, 3):
            yield f"{key.name} = {kind}", side, {key.name: value}


def _of_files() -> Iterator[Case]:
    files = list(VALUES)[list(VALUES).index("path") : list(VALUES).index("huge text")]
    files += ["control characters", "SAS token", "URL with a SAS token", "URL with a password", "key of age"]
    for kind in files:
        yield f"artifactsFile = {kind}", SOURCE, {"artifactsFile": VALUES[kind], "artifacts": ""}
        yield f"lock = {kind}", SOURCE, {"lock": VALUES[kind], "artifacts": ""}
        yield f"handover = {kind}", TARGET, {"handover": VALUES[kind], "source": ""}


def _of_all_keys() -> Iterator[Case]:
    """One value for all keys of a side at once: every fault is in the one message."""
    for kind, value in VALUES.items():
        for side in (SOURCE, TARGET):
            names = [key.name for key in KEYS if key.side in ("both", side.side) and key.name != "side"]
            yield f"{side.side}: every key = {kind}", side, dict.fromkeys(names, value)


def _of_unknown_keys() -> Iterator[Case]:
    yield "unknown keys", SOURCE, {"a\x1b[2J\u202e\n::b": "c", TOKEN: "d", "e" * 10_000: "f"}


SHORT: Sequence[Case] = (
    *_of_unknown_keys(),
    (
        "credentials",
        SOURCE,
        {"registry": VALUES["URL with a password"], "container": TOKEN, "vault": KEY, "tags": [KEY]},
    ),
    (
        "control characters",
        TARGET,
        dict.fromkeys(("registry", "container", "source"), VALUES["control characters"]),
    ),
    (
        "FIFO and nested object",
        SOURCE,
        {"artifactsFile": "fifo", "artifacts": "", "tags": VALUES["nested object"]},
    ),
    (
        "endless file and huge text",
        TARGET,
        {"handover": "/dev/zero", "source": "", "resourceGroup": VALUES["huge text"]},
    ),
)
CASES: Sequence[Case] = (*SHORT, *_of_one_key(), *_of_files(), *_of_all_keys()) if LONG else SHORT


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, checkout: Path, sandbox_environment: dict[str, str]
) -> Project:
    folder = tmp_path_factory.mktemp("hostile")
    made = Project.made(folder, checkout, sandbox_environment)
    os.mkfifo(folder / "fifo")
    (folder / "nowhere").symlink_to("missing")
    (folder / "loop").symlink_to("loop")
    (folder / "deep.json").write_text("[" * 100_000)
    with (folder / "huge.json").open("wb") as file:
        file.truncate(3 * 1024**3)
    (folder / "binary").write_bytes(bytes(range(256)) * 100)
    for side in (SOURCE, TARGET):
        made.stack(f"hostile-{side.side}", side)
    return made


def write(project: Project, side: CloudDefinition, change: Mapping[str, Any]) -> None:
    """Write a stack's configuration: one certain fault, and the case's own."""
    valid: dict[str, Any] = {
        "side": side.side,
        "resourceGroup": "tests-hostile",
        "registry": side.registry,
        "registryResourceGroup": side.registry_group,
        "sasExpiry": "2098-01-01T00:00:00Z",
        "pipeline": "x",
    }
    valid |= {"artifacts": ["app:1"]} if side is SOURCE else {"source": "hostile-source"}
    config = {f"acr-transfer:{key}": value for key, value in {**valid, **change}.items()}
    config |= {"azure-native:subscriptionId": side.subscription, "azure-native:location": side.location}
    (project.folder / f"Pulumi.hostile-{side.side}.yaml").write_text(json.dumps({"config": config}))


def findings(case: Case, code: int, output: str) -> Iterator[Finding]:
    if any(canary in output for canary in CANARIES):
        yield Finding.SECRET
    one_message = output.partition("Diagnostics:")[2].count("The configuration of this stack has") == 1
    # The engine checks a few types itself, and reports them before the program starts.
    by_engine = "error:" in output and "Diagnostics" not in output
    complete = one_message and ("pipeline" in case[2] or "acr-transfer:pipeline is 'x'" in output)
    forged = any(line.startswith(("error: FORGED", "##vso", "::")) for line in output.splitlines())
    if not code or not (complete or by_engine) or forged or "\x1b" in output or len(output) > 100_000:
        yield Finding.MESSAGE


def requests(environment: Mapping[str, str]) -> list[str]:
    """The requests that change something in a cloud, in the sandbox's log."""
    command = [sys.executable, "-m", "sandbox", "log", "--json"]
    log = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    return [line for line in log.stdout.splitlines() if json.loads(line)["method"] not in ("GET", "HEAD")]


def test_every_preview_ends_in_one_message_and_changes_nothing(
    project: Project, campaign: Campaign, sandbox_environment: dict[str, str], tmp_path: Path
) -> None:
    before = requests(sandbox_environment)
    for case in CASES:
        name, side, change = case
        write(project, side, change)
        command = ("pulumi", "preview", "--stack", f"hostile-{side.side}", *PLAIN)
        outcome = run_process(
            command, environment=project.environment, folder=project.folder, output=tmp_path / "output"
        )
        campaign.record(name, outcome, *findings(case, outcome.code, outcome.output))
    assert requests(sandbox_environment) == before
    assert campaign.found == []
