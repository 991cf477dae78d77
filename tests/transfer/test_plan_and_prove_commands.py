"""The commands plan and prove with real registries: lock, receipt, evidence, and no secret in any output."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import jsonschema
import pytest

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import TARGET
from sandbox.cloud.paths import Paths
from sandbox.samples import samples
from tests.transfer.desk import LOUD, PROGRAM, ROOT, Desk, make_desk, secrets
from tests.transfer.pushing import delete, push


@pytest.fixture(scope="module")
def desk(paths: Paths, sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("a desk"), paths, sandbox_environment)


@pytest.fixture(autouse=True)
def _no_secret_in_output(desk: Desk) -> Iterator[None]:
    desk.output = ""
    yield
    written = "".join(path.read_text() for path in desk.folder.glob("*.*") if path.is_file())
    assert [secret[:12] for secret in secrets(desk) if secret in desk.output + written] == []


def test_a_plan_needs_no_deployed_stack_and_is_the_same_twice(desk: Desk) -> None:
    found = desk.json("plan", "--repository", "secure/*", "--repository", "platform/*", "--out", "a.json")
    desk.run("plan", "secure/vault-agent:3.1", "platform/agent:2.0", "--out", "b.json", "--quiet")
    content = (desk.folder / "a.json").read_bytes()
    assert content == (desk.folder / "b.json").read_bytes()
    document = json.loads(content)
    jsonschema.validate(document, json.loads((ROOT / "docs/lock.schema.json").read_text()))
    assert (document["registry"], document["checksum"]) == (desk.host, found["checksum"])
    held = {f"{one.repository}:{one.tag}": one.manifest for one in samples() if one.tag}
    entries = {entry["reference"]: entry for entry in document["artifacts"]}
    assert entries["platform/agent:2.0"]["digest"] == held["platform/agent:2.0"].digest
    assert [child["platform"] for child in entries["platform/agent:2.0"]["children"]] == [
        "linux/amd64",
        "linux/arm64",
    ]
    for referrer in (signature_and_sbom := entries["secure/vault-agent:3.1"]["referrers"]):
        assert entries[f"secure/vault-agent@{referrer}"]["subject"] == held["secure/vault-agent:3.1"].digest
    assert len(signature_and_sbom) == 2


def test_after_a_proof_only_a_new_image_and_its_referrers_move(desk: Desk) -> None:
    desk.push("round/one", "1.0")
    desk.run("plan", "--repository", "round/*", "--out", "first.json")
    proved = desk.json("prove", "--lock", "first.json", "--registry", desk.host, "--receipt", "receipt.json")
    assert (proved["good"], proved["proved"]) == (True, 1)
    again = desk.json("plan", "--repository", "round/*", "--since", "receipt.json", "--out", "second.json")
    assert (again["counts"]["present"], again["lock"]) == (1, None)
    assert not (desk.folder / "second.json").exists()
    added = desk.push("round/two", "2.0")
    sbom = desk.push("round/two", "", subject=added)
    desk.push("round/two", added.digest.replace(":", "-") + ".sbom")
    found = desk.json("plan", "--repository", "round/*", "--since", "receipt.json", "--out", "second.json")
    locked = json.loads((desk.folder / "second.json").read_text())["artifacts"]
    expected = ["round/two:2.0", f"round/two:{added.digest.replace(':', '-')}.sbom"]
    # Without a list of referrers, the SBOM is found only if its client wrote the fallback tag.
    assert [entry["reference"] for entry in locked if entry["digest"] != sbom.digest] == expected
    assert found["counts"]["present"] == 1
    desk.run("plan", "--diff", "first.json", "second.json", code=12)


def test_evidence_is_table_json_page_and_receipt(desk: Desk) -> None:
    desk.run("plan", "charts/shop:1.0.0", "platform/agent:2.0", "--out", "e.json")
    line = ("prove", "--lock", "e.json", "--registry", desk.host, "--layers", "all", "--html", "e.html")
    found = desk.json(*line, "--receipt", "e.receipt.json")
    jsonschema.validate(found, json.loads((ROOT / "docs/evidence.schema.json").read_text()))
    jsonschema.validate(
        json.loads((desk.folder / "e.receipt.json").read_text()),
        json.loads((ROOT / "docs/receipt.schema.json").read_text()),
    )
    assert (found["manifestsRead"], found["layers"]["of"], len(found["layers"]["read"])) == (4, 6, 6)
    assert "All 2 artifacts are proved." in (desk.folder / "e.html").read_text()


def test_an_artifact_that_did_not_arrive_is_missing(desk: Desk) -> None:
    desk.run("plan", "tools/probe:1.0", "--out", "m.json")
    other = Cloud(TARGET, desk.cloud.paths).login_server(TARGET.registry)
    said = desk.json("prove", "--lock", "m.json", "--registry", other, code=3)
    assert (said["missing"], said["good"]) == (1, False)
    assert "1 missing: Check that the blob arrived" in desk.output


def test_a_lock_of_another_registry_is_not_overwritten(desk: Desk, paths: Paths) -> None:
    there = Cloud(TARGET, paths)
    push(there, "there/app", "1")
    desk.run("plan", "there/app:1", "--registry", there.login_server(TARGET.registry), "--out", "there.json")
    before = (desk.folder / "there.json").read_text()
    desk.run("plan", "--again", "there.json", code=10)
    assert (desk.folder / "there.json").read_text() == before
    command = re.search(r"(?m)Plan it there: acr-transfer (.+)$", desk.output)
    assert command
    desk.run(*shlex.split(command[1]))


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["plan"], 10, "no artifact is named"),
        (["plan", "Shop/Web"], 10, "artifacts[0] ('Shop/Web') has upper case letters in its repository"),
        (["plan", "shop/web:9", "shop/web:10"], 11, "shop/web:9 is not in the registry"),
        (["plan", "--repository", "nope/*"], 11, "no repository matches"),
        (
            ["plan", "--repository", "shop/web", "--tag", "9.*", "--strict"],
            11,
            "no tag matches (--strict)",
        ),
        (["plan", "x", "--since", "nope.json"], 10, "receipt nope.json cannot be read"),
        (["plan", "x", "--source", "nope"], 4, "stack 'nope' does not exist"),
        (["plan", "x", "--registry", "localhost:1"], 9, "localhost:1: no response"),
        (["prove", "--handover", "nope.json", "--registry", "h"], 10, "hand-over nope.json cannot be read"),
        (["prove", "--target", "desk"], 4, "was never deployed"),
    ],
)
def test_each_failure_has_its_code_and_reason(desk: Desk, line: list[str], code: int, words: str) -> None:
    desk.run(*line, code=code)
    assert words in desk.output
    assert "Traceback" not in desk.output


@pytest.mark.parametrize("line", [["plan", "shop/web:1.0.0", "--dry-run"], ["plan", "nope/nope"]])
def test_no_secret_is_in_debug_logs_or_the_log_file(desk: Desk, line: list[str]) -> None:
    log = desk.folder / "support.log"
    desk.run(*line, "--log-file", "support.log", program=LOUD, code=0 if "--dry-run" in line else 11)
    desk.run(
        *line,
        "--log-file",
        "support.log",
        "--registry",
        desk.host,
        program=LOUD,
        code=0 if "--dry-run" in line else 11,
    )
    text = log.read_text()
    assert "acr-transfer" in text
    assert f"GET /v2/{line[1].partition(':')[0]}/" in text
    assert "DEBUG:azure.identity" in desk.output


def test_ctrl_c_prints_the_command_to_continue(desk: Desk) -> None:
    stop = (
        "import sys, acr_transfer.plan.plan as p\n"
        "async def stopped(*a, **k): raise KeyboardInterrupt\n"
        "p.plan = stopped\n"
        f"{PROGRAM}"
    )
    desk.run("plan", "--repository", "shop/*", "--dry-run", code=130, program=stop)
    assert "acr-transfer plan --repository 'shop/*' --dry-run" in desk.output


def test_a_list_from_another_registry_is_planned_with_the_printed_options(desk: Desk) -> None:
    held = {f"{one.repository}:{one.tag}": one.manifest.digest for one in samples() if one.tag}
    path = desk.folder / "people.txt"
    path.write_text(
        "# the shop\n\ndocker.io/shop/web:1.0.0   # exported\n  docker.io/tools/probe:1.0\r\n"
        f"platform/agent:2.0@{held['platform/agent:2.0']}\nother.azurecr.io/charts/shop:1.0.0\n"
    )
    desk.run("plan", "--list", "people.txt", "--dry-run", code=10)
    assert "line 6: 'other.azurecr.io/charts/shop:1.0.0' begins with a registry's host" in desk.output
    assert desk.output.splitlines()[-1].endswith("--strip-prefix 'other.azurecr.io'")
    options = ["--strip-prefix", "other.azurecr.io"]
    desk.run("plan", "--list", "people.txt", "--dry-run", *options, code=11)
    hint = (
        "without docker.io/, the repositories of 2 artifacts exist: add the option --strip-prefix docker.io"
    )
    assert hint in desk.output
    options += ["--strip-prefix", "docker.io"]
    found = desk.json("plan", "--list", "people.txt", "--no-referrers", "--dry-run", *options)
    assert [each["reference"] for each in found["artifacts"]] == [
        "charts/shop:1.0.0",
        "platform/agent:2.0",
        "shop/web:1.0.0",
        "tools/probe:1.0",
    ]


def test_a_tag_with_another_digest_and_a_misspelt_repository_are_faults(desk: Desk) -> None:
    held = {f"{one.repository}:{one.tag}": one.manifest.digest for one in samples() if one.tag}
    wrong = held["tools/probe:1.0"]
    desk.run("plan", f"platform/agent:2.0@{wrong}", "platfrom/agent:2.0", code=11)
    digest = held["platform/agent:2.0"]
    assert f"platform/agent:2.0 has the digest {digest}, and not {wrong}" in desk.output
    assert (
        "the repository 'platfrom/agent' does not exist; similar repositories: platform/agent" in desk.output
    )


def test_a_receipt_is_proved_again_and_loses_what_is_gone(desk: Desk) -> None:
    kept, gone = desk.push("recheck/kept", "1"), desk.push("recheck/gone", "1")
    desk.run("plan", "--repository", "recheck/*", "--out", "again.json")
    here = ("--registry", desk.host)
    desk.run("prove", "--lock", "again.json", *here, "--receipt", "again.receipt.json")
    recheck = ("prove", "--recheck", "again.receipt.json", *here)
    assert desk.json(*recheck)["proved"] == 2
    delete(desk.cloud, "recheck/gone", gone.digest)
    found = desk.json(*recheck, "--receipt", "again.receipt.json", code=3)
    assert {each["artifact"]: each["verdict"] for each in found["findings"]} == {
        "recheck/gone:1": "missing",
        "recheck/kept:1": "proved",
    }
    jsonschema.validate(found, json.loads((ROOT / "docs/evidence.schema.json").read_text()))
    kept_entries = json.loads((desk.folder / "again.receipt.json").read_text())["artifacts"]
    assert [entry["digest"] for entry in kept_entries] == [kept.digest]
    other = Cloud(TARGET, desk.cloud.paths).login_server(TARGET.registry)
    desk.run("prove", "--recheck", "again.receipt.json", "--registry", other, code=10)
    assert f"belongs to the registry {desk.host}, and not to {other}" in desk.output


def test_plan_again_follows_a_moved_tag_and_its_new_referrers(desk: Desk) -> None:
    first = desk.push("moves/app", "1")
    desk.push("moves/app", "", subject=first)
    desk.push("moves/other", "1")
    desk.run("plan", "--repository", "moves/*", "--out", "moves.json")
    second = push(desk.cloud, "moves/app", "1", build="second")
    sbom = desk.push("moves/app", "", subject=second)
    desk.run("plan", "--again", "moves.json")
    entries = json.loads((desk.folder / "moves.json").read_text())["artifacts"]
    assert {entry["reference"]: entry["digest"] for entry in entries if "app" in entry["reference"]} == {
        "moves/app:1": second.digest,
        f"moves/app@{sbom.digest}": sbom.digest,
    }
    assert "moves/other:1" in [entry["reference"] for entry in entries]
