"""The command `python -m sandbox`.

Each command imports its own modules: the libraries of Azure and of the servers take a second to load.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox import lifecycle
from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.faults import command as fault
from sandbox.http.azure_errors import SandboxError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, or 1 with a message on stderr."""
    if sys.platform == "win32":
        sys.exit("sandbox: Windows is not supported. Run the same command in WSL: `wsl --install`.")
    options = _parser().parse_args(arguments)
    try:
        options.run(Paths.here(), options)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Two local Azure clouds for ACR Transfer."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, help: str | None) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help) if help else commands.add_parser(name)
        sub.set_defaults(run=run)
        return sub

    up = command("up", _up, "start both clouds and wait until they answer")
    up.add_argument("--fresh", action="store_true", help="delete the state of the previous sandbox")
    command("down", _down, "stop both clouds; their state is kept")
    status = command("status", _status, "show the addresses and resources of both clouds")
    status.add_argument("--json", action="store_true", help="print JSON, with a bearer token for each cloud")
    command("env", _env, 'print export commands, for: eval "$(.venv/bin/python -m sandbox env)"')
    command("seed", _seed, "push the sample content to the source registry")
    log = command(
        "log", _log, "show the requests to the management, vault and token endpoints, without secrets"
    )
    log.add_argument("--json", action="store_true", help="print one JSON object per line, with bodies")
    fault.add(commands)
    command("serve", _serve, None)
    return parser


def _up(paths: Paths, options: argparse.Namespace) -> None:
    print("Starting two clouds (management, storage, registries, vaults) ...", file=sys.stderr)
    lifecycle.up(paths, fresh=options.fresh)
    print('Running. Next: eval "$(.venv/bin/python -m sandbox env)"', file=sys.stderr)


def _down(paths: Paths, _: argparse.Namespace) -> None:
    print("Stopped." if lifecycle.down(paths) else "The sandbox was not running.", file=sys.stderr)


def _status(paths: Paths, options: argparse.Namespace) -> None:
    from sandbox import status

    found = status.status(paths)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _print_status(found)
    silent = [f"{side}: {name}" for side, cloud in found["clouds"].items() for name in cloud["silent"]]
    if silent:
        raise SandboxError(
            f"Endpoints that do not answer: {'; '.join(silent)}. "
            "Restart the sandbox: `python -m sandbox down`, then `python -m sandbox up`. Its state is kept."
        )


def _print_status(found: dict[str, Any]) -> None:
    for side, cloud in found["clouds"].items():
        print(f"{side}: management {cloud['arm']}, subscription {cloud['subscription']}")
        for name, server in cloud["registries"].items():
            print(f"  registry {name}: {server}")
        for name, endpoints in cloud["accounts"].items():
            print(f"  storage account {name}: {endpoints['blob']}")
        for name, url in cloud["vaults"].items():
            print(f"  vault {name}: {url}")


def _env(paths: Paths, _: argparse.Namespace) -> None:
    from sandbox import shell_env

    print(shell_env.exports(shell_env.variables(paths)), end="")


def _seed(paths: Paths, _: argparse.Namespace) -> None:
    from sandbox import seed

    lifecycle.require_running(paths)
    print(seed.seed(paths), file=sys.stderr)


def _log(paths: Paths, options: argparse.Namespace) -> None:
    from sandbox.cloud.database import Database
    from sandbox.cloud.request_log import RequestLog

    if not paths.state.exists():
        raise SandboxError("The sandbox has no state. Start it: `.venv/bin/python -m sandbox up`.")
    merged = [
        (definition.side, exchange)
        for definition in CLOUDS
        for exchange in RequestLog(Database(paths.state / definition.side)).exchanges()
    ]
    for side, exchange in sorted(merged, key=lambda pair: pair[1]["time"]):
        if options.json:
            print(json.dumps({"cloud": side, **exchange}))
            continue
        clock = datetime.fromtimestamp(exchange["time"]).strftime("%H:%M:%S.%f")[:-3]
        line = f"{exchange['status']} {exchange['method']:6} {exchange['url']}"
        print(f"{clock} {side:6} {exchange['endpoint']:5} {line}")


def _serve(paths: Paths, _: argparse.Namespace) -> None:
    from sandbox import server

    server.main(paths)


if __name__ == "__main__":
    # Every file of a sandbox, and of its servers, is for this user only.
    os.umask(0o077)
    sys.exit(main())
