"""A text from outside cannot move a cursor, start a line, command a CI runner or add markup."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContentSettings
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.__main__ import main
from acr_transfer.azure.stacks import Stack
from acr_transfer.cli.commands.clean import leftovers_table
from acr_transfer.cli.commands.doctor import _text as doctor_text
from acr_transfer.cli.commands.status import _active, _failures, _side_text
from acr_transfer.cli.console import Console, safe_json, show_error
from acr_transfer.cli.copy_report import copy_table
from acr_transfer.cli.log_file import open_log
from acr_transfer.cli.plan_report import plan_table
from acr_transfer.cli.progress import Progress
from acr_transfer.cli.prove_report import evidence_table
from acr_transfer.cli.table import table
from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.result import CopyResult, Outcome
from acr_transfer.errors import TransferError, error_code
from acr_transfer.model.credentials import quoted
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.json_document import checksum_of
from acr_transfer.model.documents.lock import Lock, LockedArtifact, compare_locks
from acr_transfer.model.documents.pack_manifest import PackManifest
from acr_transfer.model.documents.review import ReviewedStack, ReviewLevel, ReviewViolation
from acr_transfer.model.failures.checks import BLOB_IGNORED
from acr_transfer.model.failures.failure import Cause
from acr_transfer.model.proof import ManifestKind, Verdict
from acr_transfer.model.visible_text import visible, visible_line
from acr_transfer.operate.clean import Leftover
from acr_transfer.operate.facts import CheckOutcome, DoctorFinding
from acr_transfer.operate.runs import PipelineRun
from acr_transfer.operate.status import SideState
from acr_transfer.plan.baseline import ArtifactState
from acr_transfer.plan.plan import Plan, PlannedArtifact
from acr_transfer.plan.plan import plan as make_plan
from acr_transfer.plan.rules import SelectionRules
from acr_transfer.prove.evidence import Evidence
from acr_transfer.prove.evidence_page import page
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.prove.verify import Expectation, Proof
from acr_transfer.registry.manifests import Manifest
from acr_transfer.review.review_text import review_text
from acr_transfer.review.sarif import sarif
from tests.unit.registry.memory_registry import MemoryRegistry

NOW = datetime(2026, 11, 24, tzinfo=UTC)
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = f"sha256:{'0' * 64}"

HOSTILE = (
    "name\x1b[2J\x1b]0;title\x07\x9b31m\x7f\r\u202egnp.\u2066\u200b\u2028\u2029\x85\ud800\n"
    "FORGED: all artifacts are proved\n::set-output name=a::b\n ::error::x\n"
    "##vso[task.setvariable variable=a]b ##[error]x <{%fg 1%}>"
    " <script>alert(1)</script> \" onclick='x' [link](javascript:alert(1)) \x00"
)
"""Each attack on each kind of output, in one name."""

IN_FILES = HOSTILE.replace("\ud800", "")
"""The same without half of a character, which no file in UTF-8 holds."""


def message(action: Callable[[], object]) -> str:
    with pytest.raises((TransferError, ValueError)) as refused:
        action()
    return str(refused.value)


def entry(**fields: str) -> LockedArtifact:
    known: dict[str, Any] = {"reference": "app:v1", "digest": DIGEST, "media_type": "m", "size": 1}
    lists = {"children": (), "referrers": (), "subject": ""}
    return LockedArtifact.model_construct(None, **known | lists | fields)


def plan() -> str:
    planned = PlannedArtifact(
        entry=entry(artifact_type=HOSTILE, digest=HOSTILE, reference=HOSTILE),
        state=ArtifactState.NEW,
        kind=ManifestKind.ARTIFACT,
    )
    made = Plan(
        registry=HOSTILE, artifacts=(planned,), missing=(HOSTILE,), bytes_to_move=1, warnings=(), seconds=1.0
    )
    return plan_table(made, made.artifacts)


def index_of(**content: object) -> Callable[[], str]:
    """A plan of an index with this content, which is refused with its warnings."""

    def refused() -> None:
        registry = MemoryRegistry()
        body = json.dumps({"schemaVersion": 2, "manifests": [], **content}).encode()
        registry.put("app", Manifest.parse(body, INDEX), "v1")
        rules = SelectionRules(artifacts=("app:v1",))
        asyncio.run(make_plan(rules, registry, as_of=NOW, strict=True))

    return lambda: message(refused)


def locks() -> str:
    one, other = (Lock.model_construct(registry=name, artifacts=()) for name in (HOSTILE, "source"))
    return message(lambda: compare_locks(one, other))


def run() -> PipelineRun:
    response = {"status": "Failed", "pipelineRunErrorMessage": HOSTILE, "progress": {"percentage": HOSTILE}}
    request = {"source": {"name": HOSTILE}}
    properties = {"provisioningState": HOSTILE, "request": request, "response": response}
    return PipelineRun.parse({"name": HOSTILE, "id": HOSTILE, "properties": properties}, "https://h/transfer")


def status() -> str:
    side = SideState(side="target", pipeline=HOSTILE, pipeline_state=HOSTILE, trigger=HOSTILE, runs=(run(),))
    return "\n".join([_side_text(side), visible_line(_active([side])), *map(visible_line, _failures(side))])


def refused_request() -> str:
    error = HttpResponseError("x")
    error.error_code = HOSTILE  # type: ignore[attr-defined]
    return error_code(error)


def copied() -> str:
    blob = SourceBlob(name=HOSTILE, size=1, md5=b"", etag="e", metadata={}, settings=ContentSettings())
    return copy_table([CopyResult(blob=blob, outcome=Outcome.COPIED, sent=1)], 1.0)


def document(kind: type[Lock] | type[Handover] | type[PackManifest]) -> str:
    keys = ("registry", "artifacts", "source", "blobs", "disks", "encryption", IN_FILES)
    content: dict[str, object] = {"schema": 1, **dict.fromkeys(keys, IN_FILES)}
    return message(lambda: kind.check({**content, "checksum": checksum_of(content)}))


def evidence() -> Evidence:
    finding = ArtifactFinding(
        artifact=HOSTILE,
        verdict=Verdict.NOT_PROVABLE,
        digest=HOSTILE,
        kind=ManifestKind.ARTIFACT,
        subject=HOSTILE,
        artifact_type=HOSTILE,
        detail=HOSTILE,
    )
    expected = Expectation(document=HOSTILE, registry=HOSTILE, artifacts=(), entries={}, checksum=HOSTILE)
    proof = Proof(findings=(finding,), manifests_read=1, seconds=1.0)
    return Evidence(proof=proof, expectation=expected, target=HOSTILE, began=NOW, ended=NOW)


def review() -> ReviewedStack:
    names = ("rule", "urn", "what", "why", "fix", "url", "pack", "reason", "resource", "type")
    fields: dict[str, Any] = dict.fromkeys(names, HOSTILE)
    fields |= {"level": ReviewLevel.MANDATORY, "severity": "", "until": "2027-01-01"}
    violation = ReviewViolation.model_construct(None, **fields)
    return ReviewedStack.model_construct(
        stack="source",
        file="Pulumi.source.yaml",
        policy_packs={HOSTILE: HOSTILE},
        resources=1,
        forbidden=True,
        errors=(HOSTILE,),
        violations=(violation,),
    )


def leftovers() -> str:
    return leftovers_table([Leftover("source", run(), goes=True, reason=HOSTILE)], removed=False)


def findings() -> str:
    cause = Cause(BLOB_IGNORED, {"blob": HOSTILE, "stack": HOSTILE})
    return doctor_text([DoctorFinding("source", "x", CheckOutcome.FAULT, HOSTILE, cause)])


SOURCES: Mapping[str, Callable[[], str]] = {
    "artifact type, digest and reference in a plan": plan,
    "digest of a manifest": index_of(subject={"digest": IN_FILES}),
    "digest in an index": index_of(manifests=[{"digest": IN_FILES, "mediaType": "m", "size": 1}]),
    "media type of a manifest": lambda: message(lambda: Manifest.parse(b'{"manifests": []}', HOSTILE)),
    "registry of a lock": locks,
    "key of a rules file": lambda: message(lambda: SelectionRules.parse({IN_FILES: 1}, "rules r.toml")),
    "key of a rule": lambda: message(lambda: SelectionRules.parse({"rule": [{IN_FILES: 1}]}, "rules r.toml")),
    "lock": lambda: document(Lock),
    "hand-over": lambda: document(Handover),
    "pack": lambda: document(PackManifest),
    "blob name in a copy": copied,
    "run of Resource Manager": status,
    "blob and run in clean": leftovers,
    "finding of doctor": findings,
    "error code of a service": refused_request,
    "output of a stack": lambda: message(lambda: Stack(name="s", outputs={HOSTILE: 1}).output("registry")),
    "content of a target registry": lambda: evidence_table(evidence()),
    "violation of another policy pack": lambda: review_text(review()),
    "name in quotes": lambda: quoted(HOSTILE),
    "cell of a table": lambda: table(("name",), [(HOSTILE,)]),
}
"""Texts that the product makes from outside input, as they reach an output."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(**options: bool) -> Console:
    return Console(argparse.Namespace(**{"json": False, "quiet": False, **options}))


SINKS: Mapping[str, Callable[[str], None]] = {
    "result": lambda text: console().result(dict, lambda: text),
    "remark": lambda text: console().remark(text, "bold"),
    "warning": lambda text: console().warn(text),
    "error": lambda text: console().error(text),
    "failure": show_error,
}


def assert_harmless(shown: str) -> None:
    assert shown == visible(shown)
    for line in shown.split("\n"):
        assert not line.startswith("FORGED")
        assert not line.strip().startswith("::")
        assert "##vso[" not in line
        assert "##[" not in line
        assert "<{%" not in line


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sink", SINKS)
def test_a_hostile_text_stays_on_its_line_of_a_stream(
    sink: str, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    SINKS[sink](SOURCES[source]())
    said = "".join(capsys.readouterr())
    assert r"\x1b" in said or r"\u001b" in said
    assert_harmless(said)


@pytest.mark.parametrize("source", SOURCES)
def test_a_terminal_gets_only_the_colours_of_the_command(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = {"stdout": Terminal(), "stderr": Terminal()}
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    text = SOURCES[source]()
    for sink in SINKS.values():
        sink(text)
    said = "".join(stream.getvalue() for stream in streams.values())
    assert "\x1b[31m" in said
    for code in (0, 1, 2, 31, 32, 33):
        said = said.replace(f"\x1b[{code}m", "")
    assert_harmless(said)


@pytest.mark.parametrize("source", SOURCES)
def test_a_hostile_text_forges_no_record_of_a_log(source: str, tmp_path: Path) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    before = list(root.handlers)
    log = tmp_path / "log"
    try:
        open_log(log, ["plan", HOSTILE])
        logging.getLogger("acr_transfer").error("%s", SOURCES[source]())
        logging.getLogger("urllib3").error("%s", HOSTILE)
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
    lines = log.read_text().removesuffix("\n").split("\n")
    assert len([line for line in lines if not line.startswith(" ")]) == 3
    assert_harmless("\n".join(lines))


def test_json_stays_valid_and_holds_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    console(json=True).result(lambda: {HOSTILE: [HOSTILE]}, str)
    said = capsys.readouterr().out
    assert said.isascii()
    assert_harmless(said.replace("<{%", ""))
    assert json.loads(said) == {HOSTILE: [HOSTILE]}


def test_a_progress_line_shows_a_hostile_text_without_markup() -> None:
    stream = Terminal()
    with Progress(stream) as progress:
        progress.show(f"[red]{HOSTILE}")
    said = stream.getvalue()
    assert "[red]name" in said
    assert "\x07" not in said
    assert "\u202e" not in said
    assert "##vso[" not in said


class Markup(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}


def test_the_evidence_page_has_only_its_own_markup_and_runs_nothing() -> None:
    shown = page(evidence())
    found = Markup()
    found.feed(shown)
    assert not {"script", "a", "img", "base", "form", "iframe"} & found.tags
    assert found.attributes <= {"lang", "charset", "name", "content", "http-equiv", "class"}
    assert_harmless(shown)
    policy = shown.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert "default-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy


def test_sarif_has_no_control_character_and_no_link() -> None:
    made = json.loads(safe_json(sarif([review()], {})))
    for text in texts(made):
        assert_harmless(text.replace("FORGED", ""))  # a message may have lines
    messages = [text for key in ("text", "justification") for text in texts(made, key)]
    assert len(messages) == 5
    assert [text for text in messages if "](" in text] == []


def texts(value: object, key: str = "") -> list[str]:
    """The texts in a JSON value, below `key` if one is named."""
    if isinstance(value, str):
        return [] if key else [value]
    if isinstance(value, list):
        return [text for each in value for text in texts(each, key)]
    pairs = value.items() if isinstance(value, dict) else ()
    return [text for name, each in pairs for text in texts(each, "" if name == key else key)]


def test_a_fault_of_the_command_line_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "--order", HOSTILE, "--nothing"])
    with pytest.raises(SystemExit):
        main(["clean", HOSTILE.replace("\n", " ")])
    assert_harmless(capsys.readouterr().err)


@given(st.text() | st.text(":#[vso<{% \n\t\x1b\u202e", max_size=30))
def test_every_text_becomes_visible_and_stays_so(text: str) -> None:
    shown = visible(text)
    assert_harmless(shown.replace("FORGED", ""))
    assert "\n" not in visible_line(text)
    assert visible(shown) == shown


@given(st.text("abcäß…└ .,/@:", max_size=40))
def test_usual_text_stays_as_it_is(text: str) -> None:
    usual = f"x{text}"
    assert visible(usual) == usual == visible_line(usual)
