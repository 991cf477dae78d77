"""The leak scan finds a secret in each spelling and each place."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leak_scan import LeakScan, ProcessSamples, forms

SIGNATURE = base64.b64encode(hashlib.sha256(b"planted").digest()).decode()
KEY = base64.b64encode(hashlib.sha512(b"planted key").digest()).decode()
SPELLINGS = {
    "raw": SIGNATURE,
    "URL-encoded": quote(SIGNATURE, safe=""),
    "URL-encoded in lower case": quote(SIGNATURE, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "encoded twice": quote(quote(SIGNATURE, safe=""), safe=""),
    "JSON": SIGNATURE.replace("+", "\\u002b").replace("=", "\\u003d"),
    "JSON with escaped slashes": SIGNATURE.replace("/", "\\/"),
    "base64": base64.b64encode(SIGNATURE.encode()).decode(),
    "base64 of a URL": base64.b64encode(f"https://a/b?sig={quote(SIGNATURE, safe='')}".encode()).decode(),
    "base64 of a query": base64.b64encode(f"?sig={SIGNATURE}&se=1".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"ab{SIGNATURE}".encode()).decode(),
    "the beginning of a key": KEY[:20],
    "a whole key": KEY,
}


@pytest.fixture
def scan(tmp_path: Path) -> LeakScan:
    found = LeakScan(tmp_path)
    found.know("signature", [quote(SIGNATURE, safe="")])
    found.know("key", [KEY])
    return found


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_is_found_in_an_output_and_in_a_file(scan: LeakScan, spelling: str) -> None:
    planted = f"before {SPELLINGS[spelling]} after"
    name = "key" if "key" in spelling else "signature"
    scan.heard.append(planted)
    (found,) = scan.leaks()
    assert found.endswith(f"output of commands holds {name}")
    (scan.folder / "deep" / ".pulumi").mkdir(parents=True)
    (scan.folder / "deep" / ".pulumi" / "state.json").write_bytes(b"\0\xff" + planted.encode())
    assert scan.leaks() == [f"{scan.folder}/deep/.pulumi/state.json holds {name}"]


def test_a_file_is_searched_again_only_after_a_change(scan: LeakScan) -> None:
    file = scan.folder / "log"
    file.write_text("nothing")
    assert scan.leaks() == []
    assert list(scan._changed()) == []
    file.write_text(f"now {SIGNATURE}")
    assert len(scan.leaks()) == 1


def test_usual_text_is_no_leak(scan: LeakScan) -> None:
    scan.heard.append(json.dumps({"sig": "[secret]", "digest": hashlib.sha256(b"x").hexdigest()}))
    assert scan.leaks() == []
    assert all(len(form) >= 16 for form in forms(SIGNATURE))


@pytest.mark.parametrize("place", ["command line", "environment"])
def test_a_secret_of_a_process_is_found(scan: LeakScan, place: str) -> None:
    samples = ProcessSamples(scan.folder / "processes")
    samples.active = True
    samples.start()
    given = [KEY] if place == "command line" else []
    environment = {**os.environ, "PASSWORD": "none" if given else KEY}
    child = subprocess.Popen(
        [sys.executable, "-c", "input()", *given], env=environment, stdin=subprocess.PIPE
    )
    try:
        end = time.monotonic() + 30
        while not (found := scan.leaks()) and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        child.communicate(b"\n")
        samples.stop()
    assert found == [f"{scan.folder}/processes holds key"]
