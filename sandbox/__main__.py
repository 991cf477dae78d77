"""The command `python -m sandbox`.

What only one command needs is imported in it: Azure's and the servers' libraries take a second.
"""

from __future__ import annotations

import argparse
import json
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
    """Run one command; 0 when it did what was asked, 1 with a message when it could not."""
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
        prog="python -m sandbox", description="Two Azure clouds on this machine, for ACR Transfer."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, help: str | None) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help) if help else commands.add_parser(name)
        sub.set_defaults(run=run)
        return sub

    up = command("up", _up, "start both clouds; returns when they answer")
    up.add_argument("--fresh", action="store_true", help="forget what an earlier sandbox held")
    command("down", _down, "stop both clouds; their state stays for the next start")
    status = command("status", _status, "what is up, and where")
    status.add_argument(
        "--json", action="store_true", help="for machines; holds a bearer token for each cloud"
    )
    env = command("env", _env, 'print export lines, for: eval "$(.venv/bin/python -m sandbox env)"')
    env.add_argument(
        "--real-provider",
        metavar="CLOUD",
        choices=[definition.side for definition in CLOUDS],
        help="use the vendor's azure-native and random plugins, pointed at this cloud (source or target)",
    )
    command("seed", _seed, "fill the source registry with the sample content")
    log = command("log", _log, "what was sent to management, vault and token endpoints; secrets are blanked")
    log.add_argument("--json", action="store_true", help="one JSON object a line, with bodies")
    fault.add(commands)
    command("serve", _serve, None)
    return parser


def _up(paths: Paths, options: argparse.Namespace) -> None:
    print("Starting two clouds (storage, registries, vaults, management) ...", file=sys.stderr)
    lifecycle.up(paths, fresh=options.fresh)
    print('Up. Next: eval "$(.venv/bin/python -m sandbox env)"', file=sys.stderr)


def _down(paths: Paths, _: argparse.Namespace) -> None:
    print("Stopped." if lifecycle.down(paths) else "The sandbox was not running.", file=sys.stderr)


def _status(paths: Paths, options: argparse.Namespace) -> None:
    from sandbox import status

    found = status.status(paths)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _print_status(found)
    silent = [f"{side}: {door}" for side, cloud in found["clouds"].items() for door in cloud["silent"]]
    if silent:
        raise SandboxError(
            f"These do not answer, so they were killed or failed: {'; '.join(silent)}. "
            "Start anew, what was stored is kept: `python -m sandbox down`, then `python -m sandbox up`."
        )


def _print_status(found: dict[str, Any]) -> None:
    for side, cloud in found["clouds"].items():
        print(f"{side}: management {cloud['arm']}, subscription {cloud['subscription']}")
        for name, place in cloud["registries"].items():
            print(f"  registry {name}: {place}")
        for name, endpoints in cloud["accounts"].items():
            print(f"  storage account {name}: {endpoints['blob']}")
        for name, place in cloud["vaults"].items():
            print(f"  vault {name}: {place}")


def _env(paths: Paths, options: argparse.Namespace) -> None:
    from sandbox import shell_env

    print(shell_env.exports(shell_env.variables(paths, real_provider=options.real_provider or "")), end="")


def _seed(paths: Paths, _: argparse.Namespace) -> None:
    from sandbox import seed

    lifecycle.require_running(paths)
    seed.seed(paths, lambda words: print(words, file=sys.stderr))


def _log(paths: Paths, options: argparse.Namespace) -> None:
    from sandbox.cloud.store import Store

    if not paths.state.exists():
        raise SandboxError("There is no sandbox yet. Start it: `.venv/bin/python -m sandbox up`.")
    merged = [
        (definition.side, each)
        for definition in CLOUDS
        for each in Store(paths.state / definition.side).exchanges()
    ]
    for side, exchange in sorted(merged, key=lambda pair: pair[1]["time"]):
        if options.json:
            print(json.dumps({"cloud": side, **exchange}))
            continue
        clock = datetime.fromtimestamp(exchange["time"]).strftime("%H:%M:%S.%f")[:-3]
        line = f"{exchange['status']} {exchange['method']:6} {exchange['url']}"
        print(f"{clock} {side:6} {exchange['door']:5} {line}")


def _serve(paths: Paths, _: argparse.Namespace) -> None:
    from sandbox import server

    server.main(paths)


if __name__ == "__main__":
    sys.exit(main())
