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
from sandbox.cloud.paths import CHECKOUT, Paths
from sandbox.lifecycle import require_running
from sandbox.registry import tokens

PASSPHRASE = "the-sandbox-holds-no-secrets-of-yours"
"""Opens the two stack files of this repository. It is public: it protects a sandbox, not a cloud."""

_STAND_INS = {
    "pulumi-resource-azure-native": "sandbox.pulumi_plugins.azure_native",
    "pulumi-resource-random": "sandbox.pulumi_plugins.random_provider",
}


def variables(paths: Paths, *, real_provider: str = "") -> dict[str, str]:
    """Names and values to export; `real_provider` names the cloud that the vendor's plugin is pointed at."""
    running = require_running(paths)
    clouds = {definition.side: Cloud(definition, paths) for definition in CLOUDS}
    _write_docker_config(paths, list(clouds.values()))
    _write_programs(paths, stand_ins=not real_provider)
    passphrase = paths.state / "passphrase"
    passphrase.write_text(PASSPHRASE)
    backend, home = paths.state / "stacks", paths.state / "pulumi"
    backend.mkdir(exist_ok=True)
    cloud = clouds[real_provider or "source"]
    return {
        "PATH": os.pathsep.join([str(paths.programs), _other_path(paths)]),
        "ACR_TRANSFER_SANDBOX": str(paths.state),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "ARM_METADATA_HOSTNAME": cloud.arm.removeprefix("https://"),
        "ARM_USE_MSI": "true",
        "IDENTITY_ENDPOINT": running["identity"]["endpoint"],
        "IDENTITY_HEADER": running["identity"]["header"],
        "AZURE_TOKEN_CREDENTIALS": "managedidentitycredential",
        "DOCKER_CONFIG": str(paths.state / "docker"),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(paths.bundle)),
        "NODE_EXTRA_CA_CERTS": str(paths.authority),
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


def _other_path(paths: Paths) -> str:
    """PATH without what an earlier `env` put there."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(part for part in parts if part != str(paths.programs))


def _write_docker_config(paths: Paths, clouds: list[Cloud]) -> None:
    """What `az acr login` leaves behind, for every registry of both clouds."""
    auths = {}
    for cloud in clouds:
        for body in cloud.store.of_type("Microsoft.ContainerRegistry/registries"):
            pair = f"{tokens.TOKEN_USER}:{tokens.refresh_token(cloud, body['name'])}"
            auths[cloud.login_server(body["name"])] = {"auth": base64.b64encode(pair.encode()).decode()}
    folder = paths.state / "docker"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": auths}, indent=2))


def _write_programs(paths: Paths, *, stand_ins: bool) -> None:
    """Fill the folder that goes first on PATH; what the user has of the vendor's is used as it is."""
    shutil.rmtree(paths.programs, ignore_errors=True)
    paths.programs.mkdir()
    path = _other_path(paths)
    _write(paths, "acr-transfer", "-m acr_transfer")
    if not shutil.which("pulumi", path=path) and (pulumi := paths.pulumi()):
        (paths.programs / "pulumi").symlink_to(pulumi)
    if not shutil.which("pulumi-language-python", path=path):
        _write(paths, "pulumi-language-python", "-m sandbox.pulumi_plugins.language_host")
    for name, module in _STAND_INS.items() if stand_ins else ():
        _write(paths, name, f"-m {module}")


def _write(paths: Paths, name: str, arguments: str) -> None:
    program: Path = paths.programs / name
    checkout = f"PYTHONPATH={shlex.quote(str(CHECKOUT))}${{PYTHONPATH:+:$PYTHONPATH}}"
    python = shlex.quote(sys.executable)
    program.write_text(f'#!/bin/sh\n{checkout} exec {python} {arguments} "$@"\n')
    program.chmod(0o755)
