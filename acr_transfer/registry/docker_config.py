"""Docker's stored credentials: its configuration file and its credential helpers.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

import base64
import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acr_transfer.errors import AccessError
from acr_transfer.file_reader import SETTINGS_BYTES, TextFileError, read_text
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.registry.auth import REFRESH_TOKEN_USER, DockerAuthenticator

HELPER_SECONDS = 30.0
"""The longest run of a credential helper; one that asks for a password in a window takes a few seconds."""

_HELPER = re.compile(r"[A-Za-z0-9._-]+")


def docker_credentials(host: str, environ: Mapping[str, str] = os.environ) -> DockerAuthenticator | None:
    """Return the credentials of a registry in Docker's configuration or credential helpers; None without any.

    Raises `AccessError` if a helper does not end.
    """
    configuration = _configuration(Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker"))
    helper = _object(configuration.get("credHelpers")).get(host) or configuration.get("credsStore")
    found = _from_helper(helper, host) if isinstance(helper, str) and _HELPER.fullmatch(helper) else None
    return found or _from_entry(_object(_object(configuration.get("auths")).get(host)))


def _configuration(folder: Path) -> Mapping[str, Any]:
    """The content of Docker's configuration; empty without a usable one, as in Docker."""
    with contextlib.suppress(TextFileError, JsonError):
        return _object(
            parse_json(read_text(folder / "config.json", "Docker configuration", limit=SETTINGS_BYTES))
        )
    return {}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _from_helper(helper: str, host: str) -> DockerAuthenticator | None:
    """https://github.com/docker/docker-credential-helpers#development"""
    program = shutil.which(f"docker-credential-{helper}")
    if program is None:
        return None
    code, output = _run(program, host)
    try:
        stored = _object(parse_json(output.decode()))
    except ValueError:
        return None
    user, secret = stored.get("Username"), stored.get("Secret")
    if code or not isinstance(user, str) or not isinstance(secret, str):
        return None
    return DockerAuthenticator(user, secret)


def _run(program: str, host: str) -> tuple[int, bytes]:
    """The exit code and the output of a helper; one that does not end is killed with its children."""
    with subprocess.Popen(
        [program, "get"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as process:
        try:
            output, _ = process.communicate(host.encode(), timeout=HELPER_SECONDS)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            name = Path(program).name
            raise AccessError(
                f"the credential helper {name} did not answer in {HELPER_SECONDS:.0f} s. "
                f"Run `echo {host} | {name} get` to find the cause, or `docker login {host}` again"
            ) from None
    return process.returncode, output


def _from_entry(entry: Mapping[str, Any]) -> DockerAuthenticator | None:
    if isinstance(token := entry.get("identitytoken"), str) and token:
        return DockerAuthenticator(REFRESH_TOKEN_USER, token)
    try:
        user, colon, secret = base64.b64decode(entry.get("auth") or "").decode().partition(":")
    except (ValueError, TypeError):
        return None
    return DockerAuthenticator(user, secret) if colon else None
