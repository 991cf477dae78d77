"""The command survives kill -9: the next run completes and sends no finished block again."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.transfer.two_clouds import BLOCK, LOUD, Clouds, two_clouds


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with two_clouds(tmp_path_factory.mktemp("clouds")) as clouds:
        yield clouds


@pytest.fixture(autouse=True)
def _no_secret_is_printed(clouds: Clouds) -> Iterator[None]:
    clouds.output = ""
    yield
    assert [secret for secret in clouds.secrets() if secret in clouds.output] == []


def test_after_ten_kills_hop_completes_without_sending_a_finished_block_again(clouds: Clouds) -> None:
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
    code, output, _ = clouds.run(*line, "--json")
    assert (code, json.loads(output)["blobs"][0]["outcome"]) == (0, "copied")
    taken = target.blocks_taken(name)
    assert 10 < killed_with < 61
    assert len(taken) == len(set(taken))
    # A block whose sender died has no response in the server's log, at most one for each kill.
    assert 51 <= len(taken) <= 61
    assert clouds.container(1).download_blob(name).readall() == content


def test_ctrl_c_prints_how_to_continue(clouds: Clouds) -> None:
    handover = clouds.export(os.urandom(4 * BLOCK))
    target, name = clouds.stores[1], clouds.names[0]
    line = ("hop", "--handover", str(handover), "--container-url", f"{target.url}/transfer", "--cap", "64K")
    with clouds.start(*line) as process:
        while not target.blocks_taken(name) and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, output = process.communicate()
    assert process.returncode == 130
    assert "To continue, run the same command:\n  acr-transfer hop --handover" in output
    assert "Traceback" not in output


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
        (["--way", "server"], 8, "cannot read the source (501 APINotImplemented)"),
    ],
)
def test_bad_input_is_named(clouds: Clouds, line: list[str], code: int, words: str) -> None:
    usual = [
        "--handover",
        str(clouds.export(os.urandom(9))),
        "--container-url",
        f"{clouds.stores[1].url}/transfer",
    ]
    done, _, output = clouds.run("hop", *usual, *line)
    assert (done, words in output) == (code, True), output
