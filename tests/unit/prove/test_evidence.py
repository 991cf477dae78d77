"""Evidence as table, JSON, page and receipt."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from acr_transfer.azure.stacks import Stack
from acr_transfer.cli.prove_report import evidence_table, next_steps
from acr_transfer.errors import AccessError, StackError
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.lock import Lock, LockedArtifact
from acr_transfer.model.proof import LayerMode, ManifestKind, Verdict
from acr_transfer.prove.evidence import Evidence, evidence_json
from acr_transfer.prove.evidence_page import page
from acr_transfer.prove.layers import LayerProof
from acr_transfer.prove.target import ArtifactFinding
from acr_transfer.prove.verify import Expectation, Proof

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "docs/evidence.schema.json").read_text())
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
DIGEST = f"sha256:{1:064x}"
EXPECTATION = Expectation(
    document="hand-over h.json", registry="source:1", artifacts=(), entries={}, checksum=DIGEST
)
FOUND = {
    Verdict.PROVED: ArtifactFinding(
        artifact="app:v1",
        verdict=Verdict.PROVED,
        digest=DIGEST,
        kind=ManifestKind.INDEX,
        media_type="m",
        children=2,
    ),
    Verdict.MISSING: ArtifactFinding(
        artifact="app:v2", verdict=Verdict.MISSING, digest=DIGEST, detail="v2 is not there"
    ),
    Verdict.DIFFERENT: ArtifactFinding(
        artifact="app:<v3>&", verdict=Verdict.DIFFERENT, digest=DIGEST, got="sha256:x", detail="got <script>"
    ),
    Verdict.CONTRADICTORY: ArtifactFinding(
        artifact="app:v6", verdict=Verdict.CONTRADICTORY, digest=DIGEST, detail="an index as an image"
    ),
    Verdict.NOT_PROVABLE: ArtifactFinding(
        artifact="app:v4", verdict=Verdict.NOT_PROVABLE, detail="nothing tells"
    ),
    Verdict.EXTRA: ArtifactFinding(artifact="app:v5", verdict=Verdict.EXTRA),
}


def made(*verdicts: Verdict, exact: bool = False, layers: LayerMode = LayerMode.NONE) -> Evidence:
    read = LayerProof(mode=layers, of=5, read=(DIGEST,), bytes_read=2048)
    proof = Proof(
        findings=tuple(FOUND[verdict] for verdict in verdicts), manifests_read=3, seconds=0.5, layers=read
    )
    return Evidence(
        proof=proof,
        expectation=EXPECTATION,
        target="target:1",
        began=NOW,
        ended=NOW,
        exact=exact,
    )


@pytest.mark.parametrize("layers", list(LayerMode))
def test_the_json_fits_its_schema_and_counts_every_verdict(layers: LayerMode) -> None:
    document = evidence_json(made(*Verdict, layers=layers))
    jsonschema.validate(document, SCHEMA)
    assert [
        document[key]
        for key in (
            "artifacts",
            *(verdict.name.lower() for verdict in Verdict if verdict is not Verdict.NOT_PROVABLE),
            "notProvable",
        )
    ] == [5] + [1] * 6
    assert document["good"] is False


def test_every_key_of_the_schema_is_written() -> None:
    document = evidence_json(made(*Verdict))
    assert document.keys() == SCHEMA["properties"].keys()
    assert document["findings"][0].keys() == SCHEMA["$defs"]["EvidenceFinding"]["properties"].keys()


@pytest.mark.parametrize(
    ("verdicts", "exact", "good"),
    [
        ([Verdict.PROVED], False, True),
        ([Verdict.PROVED, Verdict.EXTRA], False, True),
        ([Verdict.PROVED, Verdict.EXTRA], True, False),
        ([Verdict.PROVED, Verdict.NOT_PROVABLE], False, False),
    ],
)
def test_extra_tags_are_a_failure_only_with_exact(verdicts: list[Verdict], exact: bool, good: bool) -> None:
    assert made(*verdicts, exact=exact).good is good


@pytest.mark.parametrize("exact", [True, False])
def test_tags_that_cannot_be_listed_are_a_failure_only_with_exact(exact: bool) -> None:
    found = replace(made(Verdict.PROVED, exact=exact), unlisted_tags=AccessError("no <right> to list"))
    assert found.good is not exact
    assert evidence_json(found)["extraTagsListed"] is False
    text = page(found)
    assert "not searched: no &lt;right&gt; to list" in text
    assert ("the target's other tags are unknown" in text) is exact


def test_the_table_has_one_line_per_artifact_and_its_detail_below(capsys: pytest.CaptureFixture[str]) -> None:
    lines = evidence_table(made(*Verdict)).splitlines()
    assert lines[1].split() == ["app:v1", f"{DIGEST[:19]}…", "index", "of", "2", "proved"]
    assert lines[3] == "    v2 is not there"
    assert lines[-1] == (
        "1 of 5 artifacts proved (1 missing, 1 different, 1 contradictory, 1 not provable, 1 extra), "
        "3 manifests read, 0.5 s"
    )


def test_the_table_counts_most_of_a_thousand_extra_tags() -> None:
    many = Proof(
        findings=(FOUND[Verdict.PROVED], *[FOUND[Verdict.EXTRA]] * 1000), manifests_read=1, seconds=0.1
    )
    found = made(Verdict.PROVED)
    text = evidence_table(Evidence(**{**vars(found), "proof": many}))
    assert len(text.splitlines()) < 30
    assert "and 980 more extra tags" in text


def test_each_verdict_has_advice() -> None:
    said = next_steps(made(*Verdict, exact=True))
    assert [f"1 {verdict}: " in said for verdict in Verdict] == [False, True, True, True, True, True]
    assert "extra" not in next_steps(made(*Verdict))


def test_the_receipt_gains_proved_artifacts_and_loses_wrong_ones() -> None:
    found = made(*Verdict)
    assert [(one.reference, one.proved_at) for one in found.proved()] == [("app:v1", "2026-11-24T01:02:03Z")]
    assert found.lost() == ["app:v2", "app:<v3>&", "app:v6", "app:v4"]


class _Page(HTMLParser):
    """Checks that all elements are closed; collects the text and the URLs that a browser would fetch."""

    empty = frozenset(("meta", "br"))

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.fetched: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "action")]
        if tag not in self.empty:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("verdicts", [[Verdict.PROVED], list(Verdict), [Verdict.PROVED, Verdict.EXTRA]])
@pytest.mark.parametrize("layers", list(LayerMode))
def test_the_page_is_complete_and_self_contained(verdicts: list[Verdict], layers: LayerMode) -> None:
    text = page(made(*verdicts, layers=layers))
    read = _Page()
    read.feed(text)
    read.close()
    assert (read.opened, read.fetched) == ([], [])
    assert "<script" not in text
    assert "url(" not in text
    for verdict in verdicts:
        assert FOUND[verdict].artifact in read.text
        assert FOUND[verdict].detail in read.text
    for words in ("source:1", "target:1", DIGEST, "hand-over h.json", "2026-11-24T01:02:03Z"):
        assert words in read.text
    assert ("All 1" in read.text or "The one artifact is proved." in read.text) == (
        Verdict.MISSING not in verdicts
    )


def test_the_style_sheet_has_every_class_of_the_page() -> None:
    text = page(made(*Verdict))
    for name in re.findall(r'class="([a-z -]+)"', text):
        for word in name.split():
            assert f".{word}" in text.split("</style>")[0], word


ENTRY = LockedArtifact(reference="app:v1", digest=DIGEST, media_type="m", size=1, children=(), referrers=())
BLOBS = [{"name": "b", "artifacts": ["app:v1", "app:v2"]}, {"name": "c", "artifacts": ["app:v1"]}]


def test_an_expectation_is_read_from_a_hand_over_in_a_file_or_a_stack(tmp_path: Path) -> None:
    handover = Handover.of("source:1", "https://a/c", BLOBS, [ENTRY])
    handover.write(tmp_path / "handover.json")
    path = tmp_path / "handover.json"
    of_file = Expectation.of_handover(Handover.read(path), str(path))
    stack = Stack(name="s", outputs={"handover": handover.as_json()})
    for expected in (of_file, Expectation.of_handover(stack.handover(), "stack s")):
        assert expected.artifacts == ("app:v1", "app:v2")
        assert expected.entries == {"app:v1": ENTRY}
        assert (expected.registry, expected.checksum) == ("source:1", handover.checksum)


def test_an_artifact_of_the_lock_that_no_blob_holds_is_expected_all_the_same() -> None:
    failed = LockedArtifact.build(**{**vars(ENTRY), "reference": "app:v3"})
    handover = Handover.of("source:1", "https://a/c", BLOBS, [ENTRY, failed])
    assert Expectation.of_handover(handover, "h").artifacts == ("app:v1", "app:v2", "app:v3")


def test_a_hand_over_of_a_stack_that_was_changed_is_refused() -> None:
    changed = Handover.of("source:1", "https://a/c", BLOBS).as_json() | {"whatever": "was added"}
    with pytest.raises(
        StackError, match=r"hand-over of stack s was changed after it was written(.|\n)*pulumi up --stack s"
    ):
        Stack(name="s", outputs={"handover": changed}).handover()


def test_a_lock_is_an_expectation(tmp_path: Path) -> None:
    Lock.of("source:1", [ENTRY]).write(tmp_path / "lock.json")
    expected = Expectation.of_lock_file(tmp_path / "lock.json")
    assert (expected.artifacts, expected.registry) == (("app:v1",), "source:1")
