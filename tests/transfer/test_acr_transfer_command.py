"""The command with Pulumi stacks and storage servers; no output contains a secret."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acr_transfer.copy.blocks import CATEGORY
from tests.transfer import world as worlds
from tests.transfer.small_cloud import IMAGE, digest_of, image, index
from tests.transfer.world import LOUD, SUBSCRIPTIONS, TOKEN, WRONG_KEY, World, leaks


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with worlds.opened(tmp_path_factory.mktemp("world")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _intact(world: World) -> None:
    for side, answers in world.registries.items():
        world.accounts(side)
        answers.manifests.clear()
        answers.token = TOKEN


@pytest.fixture(autouse=True)
def _no_output_contains_a_secret(world: World) -> Iterator[None]:
    world.said = ""
    yield
    assert leaks(world.said, world.secrets()) == []


def test_the_search_finds_a_secret() -> None:
    for said in (
        "x SECRETSECRETSECRETSECRET y",
        "U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU",
        "..SECRETSECRETSECRETSECR",
    ):
        assert leaks(said, ["SECRETSECRETSECRETSECRET"])
    assert not leaks("SECRET", ["SECRETSECRETSECRETSECRET"])


def test_hop_copies_once_and_then_reports_existing_blobs(world: World) -> None:
    world.export("app:v1")
    code, said, _ = world.run("hop")
    assert code == 0
    assert said.splitlines()[1].split() == ["batch1", "20", "B", "copied"]
    code, said, _ = world.run("hop", "--json")
    assert code == 0
    (blob,) = json.loads(said)["blobs"]
    assert (blob["name"], blob["outcome"], blob["size"]) == ("batch1", "already there", 20)
    with world.service("target") as service:
        assert service.get_blob_client("transfer", "batch1").get_blob_properties().metadata == {
            "category": CATEGORY
        }


def test_prove_distinguishes_proved_from_different(world: World) -> None:
    children = image("amd64"), image("arm64")
    subject = {"mediaType": IMAGE, "digest": digest_of(b"another image"), "size": 1}
    signature = image("signature", subject=subject)
    for side in ("source", "target"):
        for child in children:
            world.registries[side].put("app", child)
        world.registries[side].put("app", index(*children), "v1")
        signed = world.registries[side].put("app", signature)
    world.export("app:v1", f"app@{signed}")
    code, said, _ = world.run("prove")
    assert code == 0
    assert said.splitlines()[-1].startswith("2 of 2 artifacts proved, 4 manifests read, ")
    world.registries["target"].put("app", image("moved"), "v1")
    code, said, reason = world.run("prove", "--json", "--wait", "1")
    assert code == 3
    moved, sound = json.loads(said)["findings"]
    assert (moved["verdict"], sound["verdict"], sound["kind"]) == ("different", "proved", "referrer")
    assert "1 different" in reason


def test_without_a_terminal_only_the_result_is_printed(world: World) -> None:
    world.export("app:v1")
    _, said, progress = world.run("hop", "--json")
    assert json.loads(said)["schema"] == 1
    assert progress == ""


def test_clean_removes_only_imported_blobs_and_only_with_yes(world: World) -> None:
    world.export("app:v1")
    registry = f"/subscriptions/{SUBSCRIPTIONS['target']}/resourceGroups/g/providers/R/registries/r"
    world.deploy("target", **world.outputs("target"), importPipelineId=f"{registry}/importPipelines/p")
    with world.service("target") as service:
        container = service.get_container_client("transfer")
        for name, mark in (("imported", CATEGORY), ("waiting", CATEGORY), ("foreign", "none")):
            container.upload_blob(name, b"x", metadata={"category": mark})
        uri, now = f"{container.url}/imported", datetime.now(UTC) + timedelta(seconds=1)
        response = {"status": "Succeeded", "startTime": now.isoformat(), "source": {"uri": uri}}
        run: dict[str, Any] = {"id": f"{registry}/pipelineRuns/p_1", "name": "p_1"}
        run["properties"] = {
            "provisioningState": "Succeeded",
            "request": {"pipelineResourceId": f"{registry}/importPipelines/p"},
            "response": response,
        }
        world.arm.documents[f"{registry}/pipelineRuns"] = {"value": [run]}
        code, said, error = world.run("clean", "--side", "target", "--older-than", "0")
        assert code == 0, error
        assert "imported by run p_1" in said
        assert "--yes removes them" in said
        assert {blob.name for blob in container.list_blobs()} == {"imported", "waiting", "foreign"}
        code, said, error = world.run("clean", "--side", "target", "--older-than", "0", "--yes", "--json")
        assert code == 0, error
        assert [found["goes"] for found in json.loads(said)["leftovers"]] == [True, False, True]
        assert {blob.name for blob in container.list_blobs()} == {"waiting", "foreign"}
    assert world.arm.asked[f"DELETE {registry}/pipelineRuns/p_1"] == 1


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["hop", "--source", "nope"], 4, "stack 'nope' does not exist"),
        (["hop", "-C", "nowhere"], 4, "cannot run `pulumi` in nowhere"),
        (["hop", "--target", "source"], 0, "already there"),
    ],
)
def test_a_wrong_name_is_named_in_the_error(world: World, line: list[str], code: int, words: str) -> None:
    world.export("app:v1")
    done, said, reason = world.run(*line)
    assert (done, words in said + reason) == (code, True)


def test_a_state_that_was_being_written_when_pulumi_was_killed_is_read_again(world: World) -> None:
    world.export("app:v1")
    backend = Path(world.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
    (attributes,) = backend.rglob("source.json.attrs")
    attributes.write_text("")
    code, _, error = world.run("hop")
    assert code == 4
    (command,) = re.findall(r"^ +(find .*)$", error, re.MULTILINE)
    subprocess.run(command, shell=True, check=True)
    assert world.run("hop")[0] == 0


def test_a_renamed_stack_is_found_and_not_created_a_second_time(world: World) -> None:
    world.export("app:v1")
    world.pulumi("stack", "rename", "moved", "--stack", "source")
    code, _, error = world.run("hop")
    assert (code, "The project has: moved, target." in error) == (4, True), error
    assert "stack init" not in error
    assert world.run("hop", "--source", "moved")[0] == 0
    (command,) = re.findall(r"^ +pulumi (stack rename .*)$", error, re.MULTILINE)
    world.pulumi(*shlex.split(command.replace("<its name>", "moved")))
    assert world.run("hop")[0] == 0


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        ("nothing", 0, "copied"),
        ("not deployed", 4, "has no outputs: it was never deployed.\n  pulumi up -s source"),
        ("not our stack", 4, "has no output 'handover': is it a stack of acr-transfer?"),
        ("signed URL", 4, "is not a plain https URL"),
        ("no blob", 5, "batch1: the blob does not exist: its export run has not succeeded"),
        ("empty hand-over", 5, "nothing was exported"),
        (
            "no right to list keys",
            6,
            "needs Microsoft.Storage/storageAccounts/listKeys/action on storage account arriving",
        ),
        ("wrong key", 6, "refused (HTTP 403 AuthorizationFailure)"),
        ("no login", 6, "this cloud accepts no available login. Log in, or"),
        ("no account", 7, "no storage account below"),
        ("no container", 7, "the target's container transfer at localhost"),
        ("no cloud", 7, "describes no cloud 'smallsource'"),
        ("metadata down", 9, "the metadata host localhost:1: no response"),
        ("untrusted", 9, "certificate"),
    ],
)
def test_each_failure_of_hop_has_its_code_and_reason(
    world: World, failure: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export("app:v1", blob="another" if failure == "no blob" else "batch1")
    _break(world, failure, monkeypatch)
    done, said, reason = world.run("hop")
    assert (done, words in said + reason) == (code, True), reason
    assert "Traceback" not in reason


def _break(world: World, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = f"{world.stores['source'].url}/transfer?sv=1&sig={TOKEN}"
    outputs = world.outputs("source")
    match failure:
        case "not deployed":
            world.deploy("source")
        case "not our stack":
            world.deploy("source", **outputs)
        case "signed URL":
            world.deploy("source", **{**outputs, "containerUrl": signed}, handover=world.handover("a:1"))
        case "empty hand-over":
            world.deploy("source", **outputs, handover=world.handover())
        case "no right to list keys":
            world.accounts("target", 403)
        case "wrong key":
            world.accounts("target", WRONG_KEY)
        case "no login":
            monkeypatch.setitem(
                world.environment, "IDENTITY_ENDPOINT", world.environment["IDENTITY_ENDPOINT"] + "less"
            )
        case "no account":
            accounts = f"/subscriptions/{SUBSCRIPTIONS['target']}/providers/Microsoft.Storage/storageAccounts"
            world.arm.documents[accounts] = {"value": []}
        case "no container":
            with world.service("target") as service:
                service.delete_container("transfer")
        case "no cloud":
            monkeypatch.setitem(world.arm.documents, "/metadata/endpoints", [])
        case "metadata down":
            monkeypatch.setitem(world.environment, "ARM_METADATA_HOSTNAME", "localhost:1")
        case "untrusted":
            monkeypatch.setitem(world.environment, "SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        ("nothing", 3, "1 missing"),
        ("gone at the source", 3, "1 not provable"),
        ("no right to pull", 6, "role AcrPull"),
        ("registry down", 9, "localhost:1: no response"),
        ("empty hand-over", 5, "nothing to prove"),
    ],
)
def test_each_failure_of_prove_has_its_code_and_reason(
    world: World, failure: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export(*([] if failure == "empty hand-over" else ["app:v1"]))
    world.registries["source"].put("app", image("one"), "v1")
    if failure == "gone at the source":
        world.registries["source"].manifests.clear()
    if failure == "no right to pull":
        world.registries["target"].token = "another"
    if failure == "registry down":
        world.deploy("target", **{**world.outputs("target"), "loginServer": "localhost:1"})
    done, said, reason = world.run("prove")
    assert (done, words in said + reason) == (code, True), reason


@pytest.mark.parametrize("failure", ["nothing", "no right to list keys", "wrong key", "no right to pull"])
def test_debug_logs_of_all_libraries_contain_no_secret(
    world: World, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export("app:v1")
    world.registries["source"].put("app", image("one"), "v1")
    _break(world, failure, monkeypatch)
    if failure == "no right to pull":
        world.registries["source"].token = "another"
    for command in ("hop", "prove"):
        _, _, log = world.run(command, program=LOUD)
        assert "DEBUG:azure.identity" in log


TENANT, CLIENT, SECRET = "tenant-of-the-stack", "a-principal", "a-secret-of-the-principal"
ASSERTION = "an-assertion-of-the-cluster"
PRINCIPAL = {"AZURE_TENANT_ID": "tenant-of-the-login", "AZURE_CLIENT_ID": CLIENT}
LOGINS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "a service principal": (
        {**PRINCIPAL, "AZURE_CLIENT_SECRET": SECRET},
        {"client_id": CLIENT, "client_secret": SECRET},
    ),
    "Pulumi's service principal": (
        {"ARM_CLIENT_ID": CLIENT, "ARM_CLIENT_SECRET": SECRET},
        {"client_id": CLIENT, "client_secret": SECRET},
    ),
    "a workload identity": (
        {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": "assertion"},
        {"client_id": CLIENT, "client_assertion": ASSERTION},
    ),
    "az": ({"AZURE_TOKEN_CREDENTIALS": "azureclicredential"}, {}),
}
"""By name: the environment, and the fields of the request for a token."""


@pytest.fixture
def authority(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tenant's token endpoint, without a managed identity."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_TOKEN_CREDENTIALS"):
        monkeypatch.delitem(world.environment, name)
    path = f"/{TENANT}/oauth2/v2.0/token"
    answer = {"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}
    monkeypatch.setitem(world.arm.documents, path, answer)
    world.arm.sent.pop(path, None)
    return path


@pytest.mark.parametrize("login", LOGINS)
def test_each_login_works_in_both_clouds_with_the_stacks_tenant(
    world: World, authority: str, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, request = LOGINS[login]
    (world.project / "assertion").write_text(ASSERTION)
    programs = world.programs(
        "az",
        f"""        case "$*" in *"--tenant {TENANT}"*) ;; *) echo "another tenant: $*" >&2; exit 1;; esac
        echo '{{"accessToken": "{TOKEN}", "expiresOn": "2090-01-01 00:00:00.000000"}}'""",
    )
    path = f"{programs}:{world.environment['PATH']}"
    # A cluster's webhook names its authority to a workload.
    place = {"AZURE_AUTHORITY_HOST": f"https://{world.environment['ARM_METADATA_HOSTNAME']}"}
    for name, value in {"ARM_TENANT_ID": TENANT, "PATH": path, **place, **shell}.items():
        monkeypatch.setitem(world.environment, name, value)
    world.export("app:v1")
    code, _, reason = world.run("hop", program=LOUD)
    assert code == 0, reason
    sent = world.arm.sent.get(authority, {})
    assert {key: sent.get(key) for key in request} == request
    assert leaks(world.said, [SECRET, ASSERTION]) == []


def test_a_stack_can_have_its_own_service_principal(world: World, authority: str) -> None:
    plain = {"azure-native:tenantId": TENANT, "azure-native:clientId": CLIENT}
    secret = {"azure-native:clientSecret": SECRET}
    spelled = [f"--plaintext={key}={value}" for key, value in plain.items()]
    world.export("app:v1")
    for side in SUBSCRIPTIONS:
        secrets = [f"--secret={key}={value}" for key, value in secret.items()]
        world.pulumi("config", "set-all", *spelled, *secrets, "--stack", side)
    try:
        code, _, reason = world.run("hop", program=LOUD)
    finally:
        for side in SUBSCRIPTIONS:
            world.pulumi("config", "rm-all", *plain, *secret, "--stack", side)
    assert code == 0, reason
    assert world.arm.sent[authority]["client_secret"] == SECRET
    assert leaks(world.said, [SECRET]) == []


def _pipeline(world: World, state: str) -> str:
    """Deploy a target with a pipeline and one run in this state; return the path of the list of its runs."""
    registry = f"/subscriptions/{SUBSCRIPTIONS['target']}/resourceGroups/g/providers/R/registries/r"
    pipeline = f"{registry}/importPipelines/p"
    world.deploy("target", **world.outputs("target"), importPipelineId=pipeline)
    world.arm.documents[pipeline] = {"properties": {"provisioningState": "Succeeded"}}
    request, response = {"pipelineResourceId": pipeline}, {"status": state}
    run = {"request": request, "provisioningState": state, "response": response}
    listed = [{"id": f"{registry}/pipelineRuns/p_1", "name": "p_1", "properties": run}]
    world.arm.documents[f"{registry}/pipelineRuns"] = {"value": listed}
    return f"{registry}/pipelineRuns"


@pytest.mark.parametrize("refused", [[(429, "1")] * 3, [(503, ""), (429, "1"), (500, "")]])
@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_busy_azure_ends_no_command(world: World, command: str, refused: list[tuple[int, str]]) -> None:
    world.export("app:v1")
    _pipeline(world, "Succeeded")
    world.arm.refuse = list(refused)
    code, said, error = world.run(command, "--only", "target")
    assert world.arm.refuse == []
    assert code == (0 if command == "status" else 14), error
    assert not re.search("429|503", said + error)


def test_watching_uses_one_login_for_all_checks(world: World) -> None:
    world.export("app:v1")
    listed = _pipeline(world, "Running")

    def finish() -> None:
        before = world.arm.asked["subscriptions"]
        while world.arm.asked["subscriptions"] < before + 6:  # three checks
            time.sleep(0.05)
        _pipeline_run(world, listed)["response"] = {"status": "Succeeded"}
        _pipeline_run(world, listed)["provisioningState"] = "Succeeded"

    world.arm.asked["token"] = 0
    with ThreadPoolExecutor() as beside:
        finished = beside.submit(finish)
        code, said, error = world.run("status", "--only", "target", "--watch", "0.2")
        finished.result()
    assert code == 0, error
    assert "Succeeded" in said
    assert world.arm.asked["token"] == 1


def _pipeline_run(world: World, listed: str) -> dict[str, Any]:
    found: dict[str, Any] = world.arm.documents[listed]["value"][0]["properties"]
    return found


TARGET = ["--only", "target"]
COMMANDS = (
    ["hop"],
    ["prove"],
    ["plan", "--list", "list.txt"],
    ["status", *TARGET],
    ["doctor", *TARGET],
    ["clean", "--side", "target"],
    ["hop", "--handover"],
)


@pytest.mark.parametrize("line", COMMANDS, ids=" ".join)
def test_without_a_login_each_command_says_so_at_once(
    world: World, line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.export("app:v1")
    _pipeline(world, "Succeeded")
    (world.project / "list.txt").write_text("app:v1\n")
    if line[-1] == "--handover":
        (world.project / "handover.json").write_text(json.dumps(world.handover("app:v1")))
        url = world.outputs("target")["containerUrl"]
        line = [*line, "handover.json", "--container-url", url]
        monkeypatch.setitem(world.environment, "ARM_ENVIRONMENT", "smallsource")
    _break(world, "no login", monkeypatch)
    world.arm.asked["tokenless"] = 0
    started = time.monotonic()
    code, said, error = world.run(*line)
    took = time.monotonic() - started
    assert "accepts no available login. Log in, or" in said + error
    assert "  az login" in error
    assert "permission" not in error
    assert (code, world.arm.asked["tokenless"] <= 6) == (6, True)
    assert took < 15, took
