"""The real command, killed again and again: kill -9 costs nothing but time."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.transfer.two_clouds import BLOCK, LOUD, Clouds, opened


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with opened(tmp_path_factory.mktemp("clouds")) as clouds:
        yield clouds


@pytest.fixture(autouse=True)
def _no_secret_is_said(clouds: Clouds) -> Iterator[None]:
    clouds.said = ""
    yield
    assert [secret for secret in clouds.secrets() if secret in clouds.said] == []


def test_killed_ten_times_it_finishes_and_sends_no_finished_block_again(clouds: Clouds) -> None:
    content = os.urandom(60 * BLOCK + 7)
    handover = clouds.export(content)
    target, name = clouds.stores[1], clouds.names[0]
    line = ("hop", "--handover", str(handover), "--container-url", f"{target.url}/transfer")
    chance = random.Random(7)
    for _ in range(10):
        before = len(target.blocks_taken(name))
        wanted = before + chance.randint(0, 5)
        with clouds.start(*line, "--cap", "4M") as process:
            while len(target.blocks_taken(name)) < wanted and process.poll() is None:
                time.sleep(0.005)
            time.sleep(chance.random() / 30)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert list(clouds.container(1).list_blobs()) == []
    killed_with = len(target.blocks_taken(name))
    code, said, _ = clouds.run(*line, "--json")
    assert (code, json.loads(said)["blobs"][0]["outcome"]) == (0, "copied")
    taken = target.blocks_taken(name)
    assert 10 < killed_with < 61
    assert len(taken) == len(set(taken))
    # A block that was in when its sender died has no answer in the server's log, one a kill at most.
    assert 51 <= len(taken) <= 61
    assert clouds.container(1).download_blob(name).readall() == content


def test_ctrl_c_says_how_to_go_on(clouds: Clouds) -> None:
    handover = clouds.export(os.urandom(4 * BLOCK))
    target, name = clouds.stores[1], clouds.names[0]
    line = ("hop", "--handover", str(handover), "--container-url", f"{target.url}/transfer", "--cap", "64K")
    with clouds.start(*line) as process:
        while not target.blocks_taken(name) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "To go on, run the same again:\n  acr-transfer hop --handover" in said
    assert "Traceback" not in said


def test_the_loudest_loggers_hold_no_token_and_no_link(clouds: Clouds) -> None:
    handover = clouds.export(b"content")
    line = ("hop", "--handover", str(handover), "--container-url", f"{clouds.stores[1].url}/transfer")
    code, _, log = clouds.run(*line, program=LOUD)
    assert code == 0
    assert "DEBUG:azure.identity" in log
    assert "Request method: 'PUT'" in log


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["--handover", "nowhere.json"], 10, "hand-over nowhere.json cannot be read"),
        (["--container-url", "https://a/c?sv=1&sig=secret"], 4, "not a plain https URL"),
        (["--cap", "fast"], 2, "'fast' is not a size"),
        (["--way", "server"], 8, "cannot read the source (404 CannotVerifyCopySource)"),
    ],
)
def test_bad_input_is_named(clouds: Clouds, line: list[str], code: int, words: str) -> None:
    usual = [
        "--handover",
        str(clouds.export(os.urandom(9))),
        "--container-url",
        f"{clouds.stores[1].url}/transfer",
    ]
    done, _, said = clouds.run("hop", *usual, *line)
    assert (done, words in said) == (code, True), said
