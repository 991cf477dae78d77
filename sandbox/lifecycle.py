"""Starting the sandbox, stopping it, and saying what is up."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import Any

import psutil

from sandbox import blobs
from sandbox.arm.vaults import uri
from sandbox.cloud import Cloud
from sandbox.errors import SandboxError
from sandbox.facts import CLOUDS
from sandbox.places import CHECKOUT, Places

_PATIENCE = 90.0
"""Seconds that both clouds may take to answer on a busy machine."""


def up(places: Places, *, fresh: bool = False) -> None:
    """Start both clouds and return when they answer; `fresh` forgets what an earlier one held."""
    if running(places):
        raise SandboxError(
            "The sandbox is running already. Use it (`python -m sandbox env`), "
            "or stop it: `python -m sandbox down`."
        )
    if fresh:
        shutil.rmtree(places.state, ignore_errors=True)
    places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.registry(), places.azurite()
    with places.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "serve"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _await_start(places, process)


def _await_start(places: Places, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if running(places):
            return
        if process.poll() is not None:
            raise SandboxError(f"The sandbox did not start.\n{_last_words(places)}")
        time.sleep(0.05)
    process.terminate()
    raise SandboxError(f"The sandbox did not answer within {_PATIENCE:.0f} s.\n{_last_words(places)}")


def _last_words(places: Places) -> str:
    lines = places.log.read_text(errors="replace").splitlines()
    said = [line for line in lines if "SandboxError" in line]
    return (
        said[-1].partition("SandboxError: ")[2] if said else "\n".join(lines[-5:])
    ) + f"\nLog: {places.log}"


def down(places: Places) -> bool:
    """Stop the sandbox; its state stays. Answers whether one was running."""
    found = _process(places)
    if not found:
        places.running.unlink(missing_ok=True)
        return False
    children = found.children(recursive=True)
    found.terminate()
    psutil.wait_procs([found], timeout=20)
    _, left = psutil.wait_procs(children, timeout=5)
    for process in left:
        process.kill()
    places.running.unlink(missing_ok=True)
    return True


def running(places: Places) -> dict[str, Any] | None:
    """What the serving process wrote down, where it still lives."""
    if not _process(places):
        return None
    found: dict[str, Any] = json.loads(places.running.read_text())
    return found


def require_running(places: Places) -> dict[str, Any]:
    """The same, or the error that says how to start it."""
    found = running(places)
    if not found:
        raise SandboxError("The sandbox is not running. Start it: `.venv/bin/python -m sandbox up`.")
    return found


def _process(places: Places) -> psutil.Process | None:
    """The serving process, if it is really the one that wrote the record."""
    try:
        record = json.loads(places.running.read_text())
        process = psutil.Process(record["process"])
        return process if process.create_time() == record["started"] else None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def status(places: Places) -> dict[str, Any]:
    """Both clouds' addresses, a bearer token for each, and what they hold."""
    require_running(places)
    return {"clouds": {facts.side: _cloud_status(Cloud(facts, places)) for facts in CLOUDS}}


def _cloud_status(cloud: Cloud) -> dict[str, Any]:
    def named(kind: str) -> list[str]:
        return [body["name"] for body in cloud.store.of_type(kind)]

    return {
        "arm": cloud.arm,
        "subscription": cloud.facts.subscription,
        "tenant": cloud.facts.tenant,
        "authority": cloud.authority,
        "clientId": cloud.facts.operator_application,
        "clientSecret": cloud.operator_secret,
        "ca": str(cloud.places.authority),
        "token": cloud.operator_token(cloud.audience),
        "registries": {
            name: cloud.login_server(name) for name in named("Microsoft.ContainerRegistry/registries")
        },
        "accounts": {
            name: {"blob": blobs.url(cloud, name)} for name in named("Microsoft.Storage/storageAccounts")
        },
        "vaults": {name: uri(cloud, name) for name in named("Microsoft.KeyVault/vaults")},
    }
