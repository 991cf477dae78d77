"""The source trigger starts one run for every blob of an export, and for no other blob."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContentSettings

from sandbox.cloud.paths import Paths
from tests.sandbox.faults import control
from tests.sandbox.transfer.side import SandboxSide, until


@pytest.fixture(scope="module")
def side(paths: Paths) -> SandboxSide:
    """The source cloud, which exports and imports here."""
    return SandboxSide(paths, "source", "trigger").build()


@pytest.fixture(scope="module")
def archive(side: SandboxSide) -> bytes:
    side.image("trigger/app", "1")
    assert side.run(side.pipeline("export", "out"), "archive", "trigger/app:1")["status"] == "Succeeded"
    return side.blob("out", "archive")


def test_a_blob_is_imported_once_and_again_after_a_change(side: SandboxSide, archive: bytes) -> None:
    pipeline = side.pipeline("import", "arrivals", enabled=True)
    side.put_blob("arrivals", "one", archive)
    (run,) = until(lambda: side.runs_of(pipeline), bool)
    assert run["name"].startswith(f"{pipeline}_")
    ended = side.ended(run["name"])["response"]
    assert (ended["status"], ended["importedArtifacts"]) == ("Succeeded", ["trigger/app:1"])
    assert ended["trigger"]["sourceTrigger"]["timestamp"] < ended["finishTime"]
    side.put_blob("arrivals", "two", archive)
    assert len(until(lambda: side.runs_of(pipeline), lambda found: len(found) > 1)) == 2  # not "one" again
    side.put_blob("arrivals", "one", archive)
    assert len(until(lambda: side.runs_of(pipeline), lambda found: len(found) > 2)) == 3


REJECTED: dict[str, dict[str, Any]] = {
    "without-category": {"metadata": {}},
    "with-another-category": {"metadata": {"category": "something-else"}},
    "without-md5": {"content_settings": ContentSettings()},
}


def test_the_case_of_the_category_counts_unless_chosen_otherwise(side: SandboxSide, archive: bytes) -> None:
    pipeline = side.pipeline("import", "spelled", enabled=True)
    side.put_blob("spelled", "aaa", archive, metadata={"category": "ACR-Transfer-Blob"})
    side.put_blob("spelled", "zzz", archive)
    until(lambda: side.runs_of(pipeline), bool)
    assert len(side.runs_of(pipeline)) == 1
    with control.choice(side.paths, "source", "trigger-category", "any"):
        assert len(until(lambda: side.runs_of(pipeline), lambda found: len(found) > 1)) == 2


def test_a_blob_without_category_or_md5_is_ignored(side: SandboxSide, archive: bytes) -> None:
    pipeline = side.pipeline("import", "unmarked", enabled=True)
    for name, more in REJECTED.items():
        side.put_blob("unmarked", name, archive, **more)
    side.container("unmarked").get_blob_client("without-md5").set_http_headers(ContentSettings())
    side.put_blob("unmarked", "zzz-marked", archive)  # listed last, so all others have been checked by then
    (run,) = until(lambda: side.runs_of(pipeline), bool)
    assert side.ended(run["name"])["response"]["source"]["uri"].endswith("/zzz-marked")
    assert len(side.runs_of(pipeline)) == 1


def test_a_blob_older_than_sixty_days_is_ignored(side: SandboxSide, archive: bytes) -> None:
    side.put_blob("aged", "old", archive)
    with control.clock(side.paths, "source", 61 * 86_400):
        side.renew()
        pipeline = side.pipeline("import", "aged", enabled=True, token=_long_lived(side, "aged", "rl"))
        side.put_blob("aged", "young", archive)
        (run,) = until(lambda: side.runs_of(pipeline), bool)
        assert side.ended(run["name"])["response"]["source"]["uri"].endswith("/young")
    with control.clock(side.paths, "source", 59 * 86_400):  # the same blob two days earlier
        side.renew()
        found = until(lambda: side.runs_of(pipeline), lambda found: len(found) == 2)
        assert any(each["properties"]["response"]["source"]["uri"].endswith("/old") for each in found)
    side.renew()


def _long_lived(side: SandboxSide, container: str, letters: str) -> str:
    return side.sas(container, letters, expiry=datetime.now(UTC) + timedelta(days=90))


WITHOUT_RUNS: dict[str, dict[str, Any]] = {
    "a SAS token without the list permission": {"letters": "rd"},
    "a disabled trigger": {"enabled": False},
    "an identity without a grant": {"granted": False},
}


def test_a_trigger_without_access_or_disabled_starts_no_run(side: SandboxSide, archive: bytes) -> None:
    side.put_blob("quiet", "blob", archive)
    silent = [side.pipeline("import", "quiet", **{"enabled": True, **more}) for more in WITHOUT_RUNS.values()]
    able = side.pipeline("import", "quiet", enabled=True)
    until(lambda: side.runs_of(able), bool)
    assert [side.runs_of(pipeline) for pipeline in silent] == [[], [], []]


def test_deleting_a_pipeline_deletes_its_triggered_runs_and_a_new_pipeline_imports_again(
    side: SandboxSide, archive: bytes
) -> None:
    pipeline = side.pipeline("import", "renewed", enabled=True)
    path = side.pipeline_path("import", pipeline)
    body = side.arm("GET", path)
    side.put_blob("renewed", "blob", archive)
    (first,) = until(lambda: side.runs_of(pipeline), bool)
    with control.choice(side.paths, "source", "delete-used", "allow"):
        side.arm("DELETE", path)
    assert side.runs_of(pipeline) == []
    again = side.arm("PUT", path, {"identity": {"type": "SystemAssigned"}, "properties": body["properties"]})
    side.grant(again["identity"]["principalId"])
    (second,) = until(lambda: side.runs_of(pipeline), bool)
    assert second["name"] != first["name"]


def test_triggered_runs_can_have_plain_names(side: SandboxSide, archive: bytes) -> None:
    with control.choice(side.paths, "source", "trigger-name", "plain"):
        pipeline = side.pipeline("import", "named", enabled=True)
        side.put_blob("named", "blob", archive)
        (run,) = until(lambda: side.runs_of(pipeline), bool)
    assert run["name"].isalnum()


NOWHERE = ("not a url", "https://192.0.2.1/nobody", "https://[::1", "https://localhost:1/x")


def test_a_broken_pipeline_fails_its_own_runs_and_delays_no_other(side: SandboxSide, archive: bytes) -> None:
    broken = [side.pipeline("import", "beside", uri=uri, enabled=True) for uri in NOWHERE]
    for pipeline in broken:
        ended = side.run(pipeline, "blob")
        assert ended["status"] == "Failed"
        assert "Failed to access storage.  The connection was lost" in ended["pipelineRunErrorMessage"]
    able = side.pipeline("import", "beside", enabled=True)
    side.put_blob("beside", "blob", archive)
    until(lambda: side.runs_of(able), bool)
    with control.choice(side.paths, "source", "delete-used", "allow"):
        for pipeline in broken:
            side.arm("DELETE", side.pipeline_path("import", pipeline))
