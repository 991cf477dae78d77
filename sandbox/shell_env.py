"""The environment in which Pulumi, `acr-transfer` and registry clients meet the sandbox."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import CHECKOUT, Places
from sandbox.lifecycle import require_running
from sandbox.registry import tokens

PASSPHRASE = "the-sandbox-holds-no-secrets-of-yours"
"""Opens the two stack files of this repository. It is public: it protects a sandbox, not a cloud."""

_STAND_INS = {
    "pulumi-resource-azure-native": "sandbox.pulumi_plugins.azure_native",
    "pulumi-resource-random": "sandbox.pulumi_plugins.random_provider",
}


def variables(places: Places, *, real_provider: str = "") -> dict[str, str]:
    """Names and values to export; `real_provider` names the cloud that the vendor's plugin is pointed at."""
    running = require_running(places)
    clouds = {facts.side: Cloud(facts, places) for facts in CLOUDS}
    _write_docker_config(places, list(clouds.values()))
    _write_programs(places, stand_ins=not real_provider)
    passphrase = places.state / "passphrase"
    passphrase.write_text(PASSPHRASE)
    backend, home = places.state / "stacks", places.state / "pulumi"
    backend.mkdir(exist_ok=True)
    cloud = clouds[real_provider or "source"]
    return {
        "PATH": os.pathsep.join([str(places.programs), _other_path(places)]),
        "ACR_TRANSFER_SANDBOX": str(places.state),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "ARM_METADATA_HOSTNAME": cloud.arm.removeprefix("https://"),
        "ARM_USE_MSI": "true",
        "IDENTITY_ENDPOINT": running["identity"]["endpoint"],
        "IDENTITY_HEADER": running["identity"]["header"],
        "AZURE_TOKEN_CREDENTIALS": "managedidentitycredential",
        "DOCKER_CONFIG": str(places.state / "docker"),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(places.bundle)),
        "NODE_EXTRA_CA_CERTS": str(places.authority),
        **_without_proxy(),
    }


def _without_proxy() -> dict[str, str]:
    """No proxy is between us and this machine, whatever the user's own exceptions are."""
    if not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return {}
    own = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    parts = [part for part in own.split(",") if part]
    whole = ",".join([*parts, *(name for name in ("localhost", "127.0.0.1") if name not in parts)])
    return {"NO_PROXY": whole, "no_proxy": whole}


def exports(values: dict[str, str]) -> str:
    """Lines for `eval` in any POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def _other_path(places: Places) -> str:
    """PATH without what an earlier `env` put there."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(part for part in parts if part != str(places.programs))


def _write_docker_config(places: Places, clouds: list[Cloud]) -> None:
    """What `az acr login` leaves behind, for every registry of both clouds."""
    auths = {}
    for cloud in clouds:
        for body in cloud.store.of_type("Microsoft.ContainerRegistry/registries"):
            pair = f"{tokens.TOKEN_USER}:{tokens.refresh_token(cloud, body['name'])}"
            auths[cloud.login_server(body["name"])] = {"auth": base64.b64encode(pair.encode()).decode()}
    folder = places.state / "docker"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": auths}, indent=2))


def _write_programs(places: Places, *, stand_ins: bool) -> None:
    """Fill the folder that goes first on PATH; what the user has of the vendor's is used as it is."""
    shutil.rmtree(places.programs, ignore_errors=True)
    places.programs.mkdir()
    path = _other_path(places)
    _write(places, "acr-transfer", "-m acr_transfer")
    if not shutil.which("pulumi", path=path) and (pulumi := places.pulumi()):
        (places.programs / "pulumi").symlink_to(pulumi)
    if not shutil.which("pulumi-language-python", path=path):
        _write(places, "pulumi-language-python", "-m sandbox.pulumi_plugins.language_host")
    for name, module in _STAND_INS.items() if stand_ins else ():
        _write(places, name, f"-m {module}")


def _write(places: Places, name: str, arguments: str) -> None:
    program: Path = places.programs / name
    checkout = f"PYTHONPATH={shlex.quote(str(CHECKOUT))}${{PYTHONPATH:+:$PYTHONPATH}}"
    python = shlex.quote(sys.executable)
    program.write_text(f'#!/bin/sh\n{checkout} exec {python} {arguments} "$@"\n')
    program.chmod(0o755)
