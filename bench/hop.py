"""Compare hop between two Azurites with rclone, cp and a bare load of the storage server.

    .venv/bin/python bench/hop.py [--tls] [--runs 3] [--only big] [--before CHECKOUT]
                                  [--big 1G] [--many 50x20M] [--small 2000x256K]

Each round runs every program once, so that changes of the machine's speed affect all of them. The servers are
started for each run, because they become slower with every GiB. The tables show the median, fastest and
slowest run, the ratio to hop, the client's peak memory, the requests that both servers answered for each blob
(with the two of this benchmark, which creates the container and lists it), and the CPU time of client, source
server and target server, which depends less on other load than the duration. rclone is left out if it is not
on PATH. Whole processes are measured, including their start-up. `--before` measures the hop of another
checkout too, such as `git worktree add /tmp/before origin/main`, with this checkout's Python.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings, generate_container_sas

from acr_transfer.cli.option_types import size
from acr_transfer.copy.blocks import CATEGORY
from acr_transfer.units import human_size
from tests.transfer.small_cloud import Authority
from tests.transfer.stores import Store, azurite

ROOT = Path(__file__).resolve().parent.parent

_HOP = """
import asyncio, json, sys
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob.aio import ContainerClient
from acr_transfer.azure.containers import client_options
from acr_transfer.azure.throttle import Throttle
from acr_transfer.copy.hop import Route, hop
from tests.transfer.progress import Progress
async def main(names, sides):
    throttle = Throttle()
    clients = [
        ContainerClient.from_container_url(url, AzureNamedKeyCredential(*key), **client_options(throttle))
        for url, *key in sides
    ]
    async with clients[0], clients[1]:
        results = await hop(names, Route(*clients, throttle), Progress())
    sys.exit(any(result.error for result in results))
asyncio.run(main(*json.load(sys.stdin)))
"""

# Without --disable Copy, rclone requests a server-side copy, which Azurite cannot do from another process.
_RCLONE = ("rclone", "copy", "--config", os.devnull, "--disable", "Copy")
_BEST = {
    "big": (
        "--multi-thread-streams",
        "4",
        "--azureblob-chunk-size",
        "32M",
        "--azureblob-upload-concurrency",
        "4",
    ),
    "many": ("--transfers", "4", "--azureblob-chunk-size", "20M"),
    "small": ("--transfers", "16", "--checkers", "16"),
}

Measured = tuple[float, float, float]
"""Seconds, peak memory in MiB, seconds of CPU time."""

_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print one table for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3, help="number of rounds")
    parser.add_argument("--big", type=size, default=size("1G"), help="size of the single blob")
    parser.add_argument(
        "--many", default="50x20M", help="number and size of the blobs of the second data set"
    )
    parser.add_argument("--small", default="2000x256K", help="the same of the third data set")
    parser.add_argument("--only", choices=("big", "many", "small"), help="measure one data set only")
    parser.add_argument("--tls", action="store_true", help="reach both servers by https")
    parser.add_argument(
        "--before", type=Path, metavar="CHECKOUT", help="measure the hop of this checkout too"
    )
    options = parser.parse_args()
    sets = {"big": [options.big], "many": _sizes(options.many), "small": _sizes(options.small)}
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory(prefix="bench-hop-") as folder:
        authority = Authority.make(Path(folder)) if options.tls else None
        for name in [options.only] if options.only else sets:
            _measure(name, sets[name], options, Path(folder) / name, authority)
    return 0


def _sizes(text: str) -> list[int]:
    """The sizes of equal blobs: `50x20M`."""
    count, _, each = text.partition("x")
    return [size(each)] * int(count)


def _measure(
    name: str, sizes: list[int], options: argparse.Namespace, folder: Path, authority: Authority | None
) -> None:
    for part in ("source", "files"):
        (folder / part).mkdir(parents=True)
    trusted = authority.trusted if authority else None
    with _servers(folder, authority) as (leaving, arriving):
        _Bench(name, sizes, folder, leaving, arriving, trusted).fill()
    ways: dict[str, Callable[[_Bench], Measured]] = {"hop": _Bench.hop}
    if options.before:
        ways["hop before"] = partial(_Bench.hop, root=options.before)
    if shutil.which("rclone"):
        ways["rclone, best settings"] = _Bench.rclone
    ways |= {"cp": _Bench.copy_files, "bare load of the server": _Bench.load}
    found: dict[str, list[Measured]] = {way: [] for way in ways}
    servers: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    requests: dict[str, int] = {}
    for _ in range(options.runs):
        for way, run in ways.items():
            with _servers(folder, authority) as (leaving, arriving):
                os.sync()
                before = _busy(leaving.pid), _busy(arriving.pid)
                found[way].append(run(_Bench(name, sizes, folder, leaving, arriving, trusted)))
                servers[way].append((_busy(leaving.pid) - before[0], _busy(arriving.pid) - before[1]))
                requests[way] = _answered(leaving) + _answered(arriving)
    _print(name, sizes, found, servers, requests)
    shutil.rmtree(folder)


@contextmanager
def _servers(folder: Path, authority: Authority | None) -> Iterator[tuple[Store, Store]]:
    """Start both storage servers; the target is empty.

    A server that has stored some GiB needs up to three times the CPU time for the next ones.
    """
    certificate = (authority.chain, authority.key) if authority else None
    with (
        tempfile.TemporaryDirectory(prefix="target-", dir=folder) as target,
        azurite(folder / "source", "leaving", certificate=certificate) as (leaving,),
        azurite(Path(target), "arriving", certificate=certificate) as (arriving,),
    ):
        yield leaving, arriving


def _busy(pid: int) -> float:
    """The CPU time of a process in seconds.

    https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _answered(store: Store) -> int:
    """The requests that a server has answered since its start."""
    return len(re.findall(r'"[A-Z]+ /\S* HTTP/1.1" \d+', store.log.read_text()))


def _print(
    name: str,
    sizes: list[int],
    found: dict[str, list[Measured]],
    servers: dict[str, list[tuple[float, float]]],
    requests: dict[str, int],
) -> None:
    total = sum(sizes) / 1024**2
    ours = statistics.median(seconds for seconds, *_ in found["hop"])
    print(f"\n{name}: {len(sizes)} x {human_size(sizes[0])}; load {os.getloadavg()[0]:.1f} at the end")
    print(
        f"{'':24} {'median s':>9} {'min':>6} {'max':>6} {'MiB/s':>7} {'x hop':>6} {'peak MiB':>9}"
        f" {'requests':>9}"
        "  CPU s of client, source, target"
    )
    for way, runs in found.items():
        seconds = sorted(run[0] for run in runs)
        median = statistics.median(seconds)
        print(
            f"{way:24} {median:9.2f} {seconds[0]:6.2f} {seconds[-1]:6.2f} {total / median:7.0f} "
            f"{median / ours:6.2f} {max(run[1] for run in runs):9.0f} "
            f"{requests[way] / len(sizes):9.2f}  "
            f"{statistics.median(run[2] for run in runs):6.1f} "
            + " ".join(f"{statistics.median(used):6.1f}" for used in zip(*servers[way], strict=True))
        )


class _Bench:
    """One data set between two storage servers."""

    def __init__(
        self,
        name: str,
        sizes: list[int],
        folder: Path,
        leaving: Store,
        arriving: Store,
        trusted: Path | None,
    ) -> None:
        """`trusted`: the certificate authority of both servers; None without TLS."""
        self.name, self.sizes, self.folder = name, sizes, folder
        self.leaving, self.arriving, self.trusted = leaving, arriving, trusted

    def fill(self) -> None:
        with self._container(self.leaving, "source") as container:
            for number, length in enumerate(self.sizes):
                path = self.folder / "files" / f"b{number}"
                md5 = hashlib.md5(usedforsecurity=False)
                with path.open("wb") as file:
                    for start in range(0, length, 1 << 20):
                        piece = os.urandom(min(1 << 20, length - start))
                        md5.update(piece)
                        file.write(piece)
                settings = ContentSettings(content_md5=bytearray(md5.digest()))
                with path.open("rb") as file:
                    container.upload_blob(
                        path.name,
                        file,
                        metadata={"category": CATEGORY},
                        content_settings=settings,
                        validate_content=True,
                    )

    def hop(self, root: Path = ROOT) -> Measured:
        with self._target() as target:
            sides = [
                (f"{self.leaving.url}/source", self.leaving.account, self.leaving.key),
                (target.url, self.arriving.account, self.arriving.key),
            ]
            names = [f"b{number}" for number in range(len(self.sizes))]
            environment = {**os.environ, **({"SSL_CERT_FILE": str(self.trusted)} if self.trusted else {})}
            measured = _run([sys.executable, "-c", _HOP], json.dumps([names, sides]), environment, root)
            self._check(target)
        return measured

    def rclone(self) -> Measured:
        with self._target() as target:
            remotes = {
                f"RCLONE_CONFIG_{side}_{key}": value
                for side, store in (("SRC", self.leaving), ("DST", self.arriving))
                for key, value in (
                    ("TYPE", "azureblob"),
                    ("ACCOUNT", store.account),
                    ("KEY", store.key),
                    ("ENDPOINT", store.url),
                )
            }
            container = target.container_name
            trust = ["--ca-cert", str(self.trusted)] if self.trusted else []
            line = [*_RCLONE, *trust, *_BEST[self.name], "src:source", f"dst:{container}"]
            measured = _run(line, "", {**os.environ, **remotes})
            self._check(target)
        return measured

    def copy_files(self) -> Measured:
        into = self.folder / "copies"
        measured = _run(
            ["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "cp", str(self.folder / "files"), str(into)], ""
        )
        shutil.rmtree(into)
        return measured

    def load(self) -> Measured:
        """Send blocks with their hash from memory as fast as the server accepts them."""
        with self._target() as target:
            token = _sas(self.arriving, target.url)
            block = os.urandom(8 << 20)
            md5 = base64.b64encode(hashlib.md5(block, usedforsecurity=False).digest()).decode()
            left = iter(range(sum(self.sizes) // len(block)))
            begun = time.monotonic()
            threads = [
                threading.Thread(target=_put_blocks, args=(self, target, token, block, md5, left))
                for _ in range(8)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return time.monotonic() - begun, 0.0, 0.0

    def _target(self) -> ContainerClient:
        return self._container(self.arriving, "target")

    def _container(self, store: Store, name: str) -> ContainerClient:
        verify = str(self.trusted) if self.trusted else True
        return BlobServiceClient(store.url, store.credential(), connection_verify=verify).create_container(
            name
        )

    def _check(self, target: ContainerClient) -> None:
        arrived = sorted(blob.size for blob in target.list_blobs())
        assert arrived == sorted(self.sizes), f"{self.name}: not all blobs arrived"


def _put_blocks(
    bench: _Bench, target: ContainerClient, token: str, block: bytes, md5: str, left: Iterator[int]
) -> None:
    store, connection = bench.arriving, http.client.HTTPConnection("localhost", bench.arriving.port)
    if bench.trusted:
        context = ssl.create_default_context(cafile=bench.trusted)
        connection = http.client.HTTPSConnection("localhost", store.port, context=context)
    headers = {"Content-MD5": md5, "Content-Length": str(len(block)), "x-ms-version": "2024-11-04"}
    for number in left:
        identifier = quote(base64.b64encode(f"{number:08}".encode()).decode(), safe="")
        path = f"/{store.account}/{target.container_name}/load?comp=block&blockid={identifier}&{token}"
        connection.putrequest("PUT", path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        for start in range(0, len(block), 16 << 10):
            connection.send(block[start : start + (16 << 10)])
        response = connection.getresponse()
        response.read()
        assert response.status == 201, response.status
    connection.close()


def _sas(store: Store, url: str) -> str:
    return generate_container_sas(
        store.account,
        url.rpartition("/")[2],
        account_key=store.key,
        permission="racwdl",
        expiry=datetime.now(UTC) + timedelta(hours=6),
    )


def _run(
    line: list[str], stdin: str, environment: dict[str, str] | None = None, root: Path = ROOT
) -> Measured:
    """The duration, peak memory and CPU time of a process, including its start-up."""
    begun = time.monotonic()
    # Like an installed command: compiled once, not in each run.
    environment = {**(environment or os.environ), "PYTHONDONTWRITEBYTECODE": ""}
    process = subprocess.Popen(line, stdin=subprocess.PIPE, env=environment, cwd=root, text=True)
    assert process.stdin
    process.stdin.write(stdin)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{line[0]} ended with {process.returncode}"
    return seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
