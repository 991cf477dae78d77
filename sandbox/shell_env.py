"""The environment variables with which Pulumi, `acr-transfer` and registry clients use the sandbox."""

import base64
import json
import os
import shlex

from sandbox import programs
from sandbox.cloud.cloud import REGISTRIES, Cloud
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.lifecycle import require_running
from sandbox.registry import tokens

PASSPHRASE = "the-sandbox-holds-no-secrets-of-yours"
"""The passphrase of this repository's two stack files. It is public: the sandbox has no secrets of yours."""


def variables(paths: Paths) -> dict[str, str]:
    """The variables to export."""
    running = require_running(paths)
    clouds = [Cloud(definition, paths) for definition in CLOUDS]
    _write_docker_config(paths, clouds)
    path = _other_path(paths)
    passphrase = paths.state / "passphrase"
    passphrase.write_text(PASSPHRASE)
    backend = paths.state / "stacks"
    backend.mkdir(exist_ok=True)
    return {
        "PATH": os.pathsep.join([str(paths.programs), path]),
        "ACR_TRANSFER_SANDBOX": str(paths.state),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        **programs.install(paths, path),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "ARM_METADATA_HOSTNAME": clouds[0].arm.removeprefix("https://"),
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
    """Exclude this machine from the user's proxy."""
    if not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return {}
    own = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = [host for host in own.split(",") if host]
    whole = ",".join([*hosts, *(name for name in ("localhost", "127.0.0.1") if name not in hosts)])
    return {"NO_PROXY": whole, "no_proxy": whole}


def exports(values: dict[str, str]) -> str:
    """Export commands for any POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def _other_path(paths: Paths) -> str:
    """PATH without the entry of an earlier `env`."""
    parts = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(part for part in parts if part != str(paths.programs))


def _write_docker_config(paths: Paths, clouds: list[Cloud]) -> None:
    """Write the credentials of all registries, as `az acr login` does."""
    auths = {}
    for cloud in clouds:
        for name in cloud.names(REGISTRIES):
            pair = f"{tokens.TOKEN_USER}:{tokens.refresh_token(cloud, name)}"
            auths[cloud.login_server(name)] = {"auth": base64.b64encode(pair.encode()).decode()}
    folder = paths.state / "docker"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": auths}, indent=2))
