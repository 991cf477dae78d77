"""The command `python -m sandbox fault`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable
from dataclasses import fields

from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order, set_fault
from sandbox.faults.fault import CUTS, ENDPOINTS, InjectedFault, Json
from sandbox.faults.open_questions import OPEN_QUESTIONS
from sandbox.faults.state import GRANTS

_SIDES = [definition.side for definition in CLOUDS]
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_EXAMPLES = """\
examples:
  python -m sandbox fault                                     list the settings of both clouds
  python -m sandbox fault set source arm --status 429 --retry-after 2 --times 3
  python -m sandbox fault set source storage --status 503 --method PUT --path comp=block --skip 1 --times 2
  python -m sandbox fault set target storage --path /myaccount/ --firewall
  python -m sandbox fault set source storage --method GET --path /myblob --damage --times 1
  python -m sandbox fault set target vault --delay 5
  python -m sandbox fault set source arm --cut after --method PUT --path pipelineRuns/ --times 1
  python -m sandbox fault clock target 61d                    make every blob too old for the source trigger
  python -m sandbox fault grants source 0                     apply roles at once, not after 5 minutes
  python -m sandbox fault choose source failed-run succeeded  answer an open question differently
  python -m sandbox fault choose target other-cloud reachable  let the target's storage read the source's
  python -m sandbox fault lift source 1
  python -m sandbox fault reset                               restore all defaults
Settings survive `down` and `up`; `up --fresh` deletes them.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fault` and its subcommands to the parser."""
    parser = commands.add_parser(
        "fault",
        help="inject faults, shift clocks, delay role assignments, answer open questions",
        description="Inject faults into a running sandbox, and list or remove them.",
        epilog=f"{_EXAMPLES}\nendpoints:\n{_table(ENDPOINTS)}\ncuts:\n{_table(CUTS)}\n"
        f"open questions:\n{_questions()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_list)
    parser.add_argument("--json", action="store_true", help="print the settings as JSON")
    verbs = parser.add_subparsers(metavar="VERB")
    _add_set(verbs)
    lift = _verb(verbs, "lift", "remove one fault", "id")
    lift.add_argument("id", metavar="NUMBER", type=int, help="the fault's number in the list")
    clock = _verb(verbs, "clock", "shift a cloud's clock, for example by 61d; 0 restores it", "seconds")
    clock.add_argument("seconds", metavar="DURATION", type=_duration)
    clock.add_argument("--back", action="store_true", help="shift the clock back instead of ahead")
    help = "delay the effect of new role assignments, 5m by default; 0 applies them at once"
    grants = _verb(verbs, "grants", help, "seconds")
    grants.add_argument("seconds", metavar="DURATION", type=_duration)
    choose = _verb(verbs, "choose", "choose the answer to an open question", "name", "value")
    choose.add_argument("name", choices=OPEN_QUESTIONS, metavar="QUESTION")
    choose.add_argument("value", metavar="VALUE")
    reset = verbs.add_parser("reset", help="restore all defaults in both clouds")
    reset.set_defaults(run=_reset)


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, *arguments: str
) -> argparse.ArgumentParser:
    """A subcommand that sends the order `name` with these arguments to one cloud."""
    parser = verbs.add_parser(name, help=help)
    parser.set_defaults(run=_send, do=name, arguments=arguments)
    parser.add_argument("cloud", choices=_SIDES)
    return parser


def _add_set(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _verb(verbs, "set", "add a fault to an endpoint")
    parser.set_defaults(run=_set)
    parser.add_argument("endpoint", choices=ENDPOINTS)
    parser.add_argument("--method", default="", help="match this HTTP method only")
    parser.add_argument("--path", default="", help="match this part of path and query only; * is a wildcard")
    parser.add_argument("--times", type=int, default=0, help="number of requests; unlimited by default")
    parser.add_argument("--skip", type=int, default=0, help="number of matching requests to pass first")
    parser.add_argument("--delay", type=_duration, default=0, help="delay the response, for example by 2s")
    parser.add_argument("--status", type=int, default=0, help="return this HTTP status")
    parser.add_argument("--code", default="", help="return this error code instead of the usual one")
    parser.add_argument("--retry-after", type=int, metavar="SECONDS", help="return this Retry-After header")
    parser.add_argument("--cut", choices=CUTS, default="", help="close the connection")
    parser.add_argument("--firewall", action="store_true", help="return the error of a closed firewall")
    parser.add_argument("--damage", action="store_true", help="change the first byte of the response's body")


def _send(paths: Paths, given: argparse.Namespace) -> None:
    arguments = {name: getattr(given, name) for name in given.arguments}
    if given.do == "clock" and given.back:
        arguments["seconds"] *= -1
    send_order(paths, given.cloud, given.do, **arguments)


def _set(paths: Paths, given: argparse.Namespace) -> None:
    fault = InjectedFault(**{field.name: getattr(given, field.name) for field in fields(InjectedFault)})
    number = set_fault(paths, given.cloud, fault)
    print(f"Fault {number} is set. To remove it: python -m sandbox fault lift {given.cloud} {number}")


def _reset(paths: Paths, _: argparse.Namespace) -> None:
    for side in _SIDES:
        send_order(paths, side, "reset")


def _list(paths: Paths, given: argparse.Namespace) -> None:
    settings = {side: send_order(paths, side, "list") for side in _SIDES}
    for side in _SIDES:
        del settings[side]["result"]
    if given.json:
        print(json.dumps(settings, indent=2))
        return
    for side in _SIDES:
        for line in _lines(settings[side]):
            print(f"{side}: {line}")


def _lines(settings: Json) -> Iterable[str]:
    for fault in settings["faults"]:
        effects = " ".join(f"{key}={value}" for key, value in fault.items() if key not in ("id", "applied"))
        yield f"fault {fault['id']}, applied {fault['applied']} times: {effects}"
    if settings["clock"]:
        yield f"clock shifted by {settings['clock']:+.0f} s"
    if settings["grants"] != GRANTS:
        yield f"new role assignments delayed by {settings['grants']:.0f} s"
    for name, value in settings["choices"].items():
        if value != OPEN_QUESTIONS[name].default:
            yield f"{name} is {value}: {OPEN_QUESTIONS[name].values[value]}"
    if not settings["faults"]:
        yield "no faults"


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; examples: 30s, 5m, 2h, 61d")
    return float(found[1]) * _SECONDS[found[2]]


def _table(rows: dict[str, str]) -> str:
    return "".join(f"  {name:10} {description}\n" for name, description in rows.items())


def _questions() -> str:
    lines = []
    for name, question in OPEN_QUESTIONS.items():
        lines.append(f"  {name}: {question.question}\n")
        lines += [f"    {value:12} {answer}\n" for value, answer in question.values.items()]
    return "".join(lines)
