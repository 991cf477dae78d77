"""The small parts of the command: blocks, clouds, stacks, tables."""

from __future__ import annotations

import hashlib
import io

import pytest
from azure.core import AzureClouds
from azure.core.exceptions import ServiceRequestError
from azure.mgmt.core.tools import get_arm_endpoints
from azure.storage.blob import ContentSettings
from hypothesis import given
from hypothesis import strategies as st

from acr_transfer.__main__ import main
from acr_transfer.azure import connect
from acr_transfer.azure.clouds import Cloud, known_cloud
from acr_transfer.azure.stacks import Stack
from acr_transfer.cli.copy_report import copy_table
from acr_transfer.cli.progress import HopProgress, Progress
from acr_transfer.copy.blocks import SourceBlob
from acr_transfer.copy.result import CopyResult, Outcome
from acr_transfer.errors import ServiceError, StackError, TransferError, explained, host
from acr_transfer.units import human_size


def source_blob(size: int, content: bytes = b"", name: str = "b") -> SourceBlob:
    md5 = hashlib.md5(content).digest()
    return SourceBlob(name=name, size=size, md5=md5, etag="e", metadata={}, settings=ContentSettings())


@given(st.integers(0, 6 * 1024**4))
def test_blocks_cover_the_blob_once_and_storage_takes_their_ids(size: int) -> None:
    blob = source_blob(size)
    blocks = blob.blocks()
    assert sum(block.length for block in blocks) == size
    assert [block.start for block in blocks] == list(range(0, size, blob.block_size))
    identifiers = {blob.block_id(block) for block in blocks}
    assert len(identifiers) == len(blocks) <= 50_000
    # Storage takes IDs of up to 64 bytes, all of a blob of one length.
    assert {len(identifier) for identifier in identifiers} <= {55}


@given(st.binary(max_size=9), st.binary(max_size=9), st.text("0123456789abcdef", max_size=40))
def test_blocks_of_another_version_or_content_have_other_ids(one: bytes, other: bytes, print_: str) -> None:
    first, second = source_blob(9, one), source_blob(9, other)
    block = first.blocks()[0]
    assert len(first.block_id(block, print_)) == 55
    assert (first.block_id(block) == second.block_id(block)) == (one == other)
    assert first.block_id(block, "a" * 32) != first.block_id(block, "b" * 32)


@pytest.mark.parametrize(
    ("names", "cloud"),
    [
        (["", "public", "Public", "AzureCloud"], AzureClouds.AZURE_PUBLIC_CLOUD),
        (["china", "AzureChinaCloud"], AzureClouds.AZURE_CHINA_CLOUD),
        (["usgovernment", "usgov", "AzureUSGovernment"], AzureClouds.AZURE_US_GOVERNMENT),
    ],
)
def test_a_known_cloud_is_what_azures_own_tables_say(names: list[str], cloud: AzureClouds) -> None:
    endpoints = get_arm_endpoints(cloud)
    for name in names:
        known: Cloud = known_cloud(name)
        assert known.resource_manager == endpoints["resource_manager"]
        assert [known.scope] == endpoints["credential_scopes"]
        assert known.authority.startswith("https://login.")


def test_an_unknown_cloud_is_named_with_what_was_expected() -> None:
    with pytest.raises(StackError, match="'mars'; expected public, usgovernment or china"):
        known_cloud("mars")


PIPELINE = (
    "/subscriptions/{}/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/importPipelines/p"
)


@pytest.mark.parametrize(
    ("config", "outputs", "expected"),
    [
        ({"azure-native:subscriptionId": "one"}, {"importPipelineId": PIPELINE.format("two")}, "one"),
        ({}, {"importPipelineId": PIPELINE.format("two")}, "two"),
        ({}, {"exportPipelineId": PIPELINE.format("three"), "importPipelineId": None}, "three"),
    ],
)
def test_the_subscription_is_the_configured_or_the_pipelines(
    config: dict[str, str], outputs: dict[str, str | None], expected: str
) -> None:
    assert connect.subscription(Stack(name="s", outputs=outputs, config=config)) == expected


def test_a_stack_without_subscription_says_what_to_set() -> None:
    with pytest.raises(StackError, match="set azure-native:subscriptionId"):
        connect.subscription(Stack(name="s", outputs={}))


@pytest.mark.parametrize(
    "url",
    ["http://a/c", "https://a/", "https://a", "https://a/c?sv=1&sig=SECRET", "https://SECRET@a/c", "SECRET"],
)
def test_a_container_url_that_is_not_plain_is_refused_unseen(url: str) -> None:
    with pytest.raises(StackError, match="not a plain https URL") as refused:
        Stack(name="s", outputs={"containerUrl": url}).container_url()
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    ("handover", "words"),
    [
        (None, "has no output 'handover'"),
        ("text", "The hand-over of stack s is not a JSON object"),
        ({}, "schema is missing"),
        ({"schema": 2, "blobs": []}, "has schema 2"),
        ({"schema": 1, "blobs": [{"name": "b"}]}, r"blobs\[0\].artifacts is missing"),
        ({"schema": 1, "blobs": ["b"]}, r'blobs\[0\] is "b"; expected an object'),
    ],
)
def test_a_hand_over_that_cannot_be_read_is_refused_with_the_reason(handover: object, words: str) -> None:
    with pytest.raises(StackError, match=words):
        Stack(name="s", outputs={"loginServer": "l", "handover": handover}).handover()


def test_each_kind_of_failure_has_its_own_exit_code() -> None:
    kinds = TransferError.__subclasses__()
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2, 130} & set(codes)


def test_a_library_failure_is_not_chained_or_quoted() -> None:
    request = "https://a/c?sig=SECRET"
    with pytest.raises(ServiceError) as shown, explained("reading", host(request)):
        raise ServiceRequestError(request, error=ValueError(request))
    assert str(shown.value) == "reading at a: no answer (ValueError). Is it up, and reachable from here?"
    assert shown.value.__suppress_context__


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * 1024**2, "20.0 MiB"), (8 * 1024**3, "8.0 GiB")],
)
def test_sizes_read_well(size: int, text: str) -> None:
    assert human_size(size) == text


def test_the_result_of_hop_is_a_table() -> None:
    carried = [
        CopyResult(blob=source_blob(2048, name="b1"), outcome=Outcome.COPIED, sent=2048),
        CopyResult(blob=source_blob(1, name="batch2"), outcome=Outcome.PRESENT),
    ]
    assert copy_table(carried, 1.25).splitlines() == [
        "blob       size  outcome",
        "b1      2.0 KiB  copied",
        "batch2      1 B  already there",
        "1 copied, 1 already there: 2.0 KiB in 1.2 s",
    ]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_on_a_terminal_and_leaves_its_line_clean() -> None:
    stream = _Terminal()
    with Progress(stream) as progress:
        HopProgress(progress).begin(2, 2048)
        HopProgress(progress).advance("b", 1024)
    assert "2 blobs" in stream.getvalue()
    assert stream.getvalue().endswith("\033[2K")


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO(), False), (_Terminal(), True)])
def test_progress_elsewhere_or_with_quiet_says_nothing(stream: io.StringIO, quiet: bool) -> None:
    with Progress(stream, quiet=quiet) as progress:
        progress.show("looking")
        progress.begin("pieces", 10)
        progress.advance(10)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("line", [[], ["nope"], ["prove", "--wait", "soon"], ["prove", "--wait", "-1"]])
def test_a_wrong_command_line_exits_with_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line)
    assert stopped.value.code == 2
    assert "usage: acr-transfer" in capsys.readouterr().err
