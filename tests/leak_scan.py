"""No secret that was live in an end-to-end test is in an output, a file, a command line or an environment.

After each test, the outputs of its commands are searched, every file below pytest's temporary folder that
changed since its first command (stacks, backups, history, configuration, logs, reports, temporary files, the
sandbox's state), and samples of the command lines and environments of all processes during the commands. Not
searched are the containers' and the registries' content, and the files that hold a secret by their purpose.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.keyvault.secrets import Secrets
from sandbox.storage import blobs

SHORTEST = 16
"""Characters of a form that is searched: a shorter one would be found by chance."""

_CONTENT = frozenset(
    {
        "images",
        "__blobstorage__",
        "node_modules",
        ".venv",
        "__pycache__",
        ".git",
        ".mypy_cache",
        ".hypothesis",
    }
)
_PURPOSE = ("docker/config.json", "docker.json", "/passphrase", "age-key.txt")
"""Docker's stored credentials, the passphrase of the stacks, and a secret key of age."""


def forms(secret: str) -> set[str]:
    """The spellings of a secret: raw, percent-encoded (twice), in JSON, in base64; and its beginning."""
    plain = unquote(secret)
    encoded = {plain, quote(plain, safe=""), quote(quote(plain, safe=""), safe="")}
    encoded |= {re.sub("%2[BF]|%3D", lambda found: found[0].lower(), each) for each in encoded}
    in_json = {_in_json(each, upper) for each in encoded for upper in (False, True)}
    in_base64 = {part for each in (plain, quote(plain, safe="")) for part in _in_base64(each.encode())}
    found = {secret, *encoded, *in_json, *in_base64, plain[:20], json.dumps(plain)[1:-1]}
    return {each for each in found if len(each) >= SHORTEST}


def _in_json(text: str, upper: bool) -> str:
    """The text with the escapes of serializers that also escape what HTML reserves."""
    marks = {"+": "\\u002B" if upper else "\\u002b", "=": "\\u003D" if upper else "\\u003d", "/": "\\/"}
    return "".join(marks.get(each, each) for each in text)


def _in_base64(secret: bytes) -> Iterator[str]:
    """The characters of base64 that depend on the secret alone, at each place in a group of three bytes."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        inner = text[-(-before * 8 // 6) : -1]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


@dataclass
class LeakScan:
    """What was live, what was heard, and what was searched already."""

    folder: Path
    """The folder whose files are searched."""

    heard: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict, repr=False)
    """The names of the secrets by their forms."""

    since: int = 0
    """The start of the first command since the last search, in nanoseconds; older files are other tests'."""

    _searched: dict[str, tuple[int, int]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set, repr=False)

    def know(self, name: str, secrets: Iterable[str]) -> None:
        """Search for these secrets from now on."""
        for secret in set(secrets) - self._known:
            self._known.add(secret)
            self.names |= dict.fromkeys(forms(secret), name)

    def leaks(self) -> list[str]:
        """The places that are new since the last call and hold a secret, each with the secrets' names."""
        texts, self.heard = "\n".join(self.heard), []
        with tempfile.TemporaryDirectory() as own:
            said = Path(own, "output of commands")
            said.write_text(texts, errors="surrogateescape")
            found = [self._described(path) for path in self._holding([str(said), *self._changed()])]
        self.since = 0
        return found

    def _changed(self) -> Iterator[str]:
        for root, folders, files in os.walk(self.folder):
            folders[:] = [name for name in folders if name not in _CONTENT]
            for name in files:
                path = os.path.join(root, name)  # noqa: PTH118  # a Path for each of thousands takes longer
                try:
                    status = os.lstat(path)
                except OSError:
                    continue
                state = (status.st_mtime_ns, status.st_size)
                new = status.st_mtime_ns >= self.since and self._searched.get(path) != state
                if stat.S_ISREG(status.st_mode) and new:
                    self._searched[path] = state
                    if not path.endswith(_PURPOSE):
                        yield path

    def _holding(self, paths: list[str]) -> Iterator[str]:
        patterns = "\n".join(self.names).encode()
        for start in range(0, len(paths) if patterns else 0, 500):
            command = ["grep", "-lasF", "-f", "-", "--", *paths[start : start + 500]]
            done = subprocess.run(command, input=patterns, stdout=subprocess.PIPE, check=False)
            yield from done.stdout.decode(errors="surrogateescape").splitlines()

    def _described(self, path: str) -> str:
        content = Path(path).read_bytes()
        found = sorted({name for form, name in self.names.items() if form.encode() in content})
        return f"{path} holds {', '.join(found)}"


class ProcessSamples:
    """The command lines and environments of this machine's processes, read again and again into a file."""

    PAUSE = 0.1

    def __init__(self, file: Path) -> None:
        self.file = file
        self.active = False
        """Whether a command runs: other tests' processes may have a secret on purpose."""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._seen = set[bytes]()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        reads: dict[str, int] = {}
        """The reads of each process: a new one has its parent's command line until it executes its own."""
        with self.file.open("ab") as file:
            while Path("/proc").is_dir() and not self._end.wait(self.PAUSE):
                if not self.active:
                    continue
                alive = {path.name for path in Path("/proc").iterdir() if path.name.isdecimal()}
                reads = {process: reads.get(process, 0) + 1 for process in alive}
                for process in (process for process, count in reads.items() if count <= 3):
                    for part in self._new_parts(process):
                        file.write(part + b"\n")
                file.flush()

    def _new_parts(self, process: str) -> set[bytes]:
        try:
            line, environment = (Path("/proc", process, kind).read_bytes() for kind in ("cmdline", "environ"))
        except OSError:
            return set()
        found = {part for part in (line + b"\0" + environment).split(b"\0") if len(part) >= SHORTEST}
        if b"azurite.js" not in line:
            # Storage that a test starts itself takes its keys from here; the sandbox's must not.
            found = {part for part in found if not part.startswith(b"AZURITE_ACCOUNTS=")}
        new = found - self._seen
        self._seen |= new
        return new


SCAN: LeakScan | None = None
"""The scan of this test session."""

SAMPLES: ProcessSamples | None = None
"""The samples of this test session."""

STATE: Paths | None = None
"""The sandbox of this test session, whose secrets are known without being named."""


@contextmanager
def watched() -> Iterator[None]:
    """Sample processes, and search the files that change, from the start of this command on."""
    if not (SCAN and SAMPLES):
        yield
        return
    # The clock of a file system may be some milliseconds behind.
    SCAN.since = SCAN.since or time.time_ns() - 20_000_000
    SAMPLES.active = True
    try:
        yield
    finally:
        SAMPLES.active = False


def hear(*texts: str) -> None:
    """Search these outputs of a command after the test, for the secrets that are live now too."""
    if SCAN:
        SCAN.heard += texts
        if STATE:
            _know_sandbox(SCAN, STATE)


def _know_sandbox(scan: LeakScan, paths: Paths) -> None:
    docker = paths.state / "docker" / "config.json"
    auths = json.loads(docker.read_text())["auths"] if docker.exists() else {}
    pairs = [base64.b64decode(entry["auth"]).decode() for entry in auths.values()]
    scan.know("token of a registry", [pair.rpartition(".")[2] for pair in pairs])
    passphrase = paths.state / "passphrase"
    scan.know("passphrase of the stacks", [passphrase.read_text()] if passphrase.exists() else [])
    for definition in CLOUDS:
        cloud = Cloud(definition, paths)
        try:
            for body in cloud.resources.of_type("Microsoft.Storage/storageAccounts"):
                scan.know(f"key of {body['name']}", blobs.keys(cloud, body))
            for body in cloud.resources.of_type("Microsoft.KeyVault/vaults"):
                values = [secret.value for secret in Secrets(cloud.database, body["name"]).newest()]
                signatures = [re.search("sig=([^&]+)", value) for value in values]
                scan.know(f"SAS token in {body['name']}", [found[1] for found in signatures if found])
        finally:
            cloud.database.close()


def know(name: str, *secrets: str) -> None:
    """Search for these secrets after this test and each later one."""
    if SCAN:
        SCAN.know(name, secrets)
