"""The command `python -m sandbox fault`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable

from sandbox.cloud.definitions import CLOUDS
from sandbox.cloud.paths import Places
from sandbox.faults.control import set_fault, tell
from sandbox.faults.fault import CUTS, ENDPOINTS, Fault, Json
from sandbox.faults.open_questions import OPEN_QUESTIONS

_SIDES = [facts.side for facts in CLOUDS]
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_EXAMPLES = """\
examples:
  python -m sandbox fault                                     what is set in both clouds
  python -m sandbox fault set source arm --status 429 --retry-after 2 --times 3
  python -m sandbox fault set source storage --status 503 --method PUT --path comp=block --skip 1 --times 2
  python -m sandbox fault set target storage --path /myaccount/ --firewall
  python -m sandbox fault set target vault --delay 5
  python -m sandbox fault set source arm --cut after --method PUT --path pipelineRuns/ --times 1
  python -m sandbox fault clock target 61d                    every blob is too old for the trigger now
  python -m sandbox fault grants source 30s                   new grants take half a minute
  python -m sandbox fault choose source failed-run succeeded  an open point, played the other way
  python -m sandbox fault lift source 1
  python -m sandbox fault reset                               everything as it was
What is set survives `down` and `up`; `up --fresh` forgets it.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `fault` and its own commands to the parser."""
    parser = commands.add_parser(
        "fault",
        help="let things go wrong: faults, another time, slow grants, open points",
        description="Let things go wrong in a running sandbox, see what is set, and lift it.",
        epilog=f"{_EXAMPLES}\ndoors:\n{_table(ENDPOINTS)}\ncuts:\n{_table(CUTS)}\nopen points:\n{_points()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_list)
    parser.add_argument("--json", action="store_true", help="list for machines")
    verbs = parser.add_subparsers(metavar="VERB")
    _add_set(verbs)
    lift = _verb(verbs, "lift", _lift, "remove one fault")
    lift.add_argument("number", type=int, help="its number, as `fault` lists it")
    clock = _verb(verbs, "clock", _clock, "move a cloud's clock ahead, for example 61d; 0 is the true time")
    clock.add_argument("shift", type=_duration)
    clock.add_argument("--back", action="store_true", help="back instead of ahead")
    grants = _verb(verbs, "grants", _grants, "let new grants take a while, for example 30s")
    grants.add_argument("duration", type=_duration)
    choose = _verb(verbs, "choose", _choose, "play an open point another way")
    choose.add_argument("point", choices=OPEN_QUESTIONS, metavar="POINT")
    choose.add_argument("value", metavar="VALUE")
    reset = verbs.add_parser("reset", help="lift all, in both clouds")
    reset.set_defaults(run=_reset)


def _verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: object, help: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help)
    parser.set_defaults(run=run)
    parser.add_argument("cloud", choices=_SIDES)
    return parser


def _add_set(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _verb(verbs, "set", _set, "let a fault stand at a door")
    parser.add_argument("door", choices=ENDPOINTS)
    parser.add_argument("--method", default="", help="only requests with this method")
    parser.add_argument("--path", default="", help="only where path and query hold this; * is anything")
    parser.add_argument("--times", type=int, default=0, help="how often; without it until it is lifted")
    parser.add_argument("--skip", type=int, default=0, help="let so many fitting requests pass before")
    parser.add_argument("--delay", type=_duration, default=0, help="answer so much later, for example 2s")
    parser.add_argument("--status", type=int, default=0, help="answer with this HTTP status")
    parser.add_argument("--code", default="", help="with this error code, instead of the usual one")
    parser.add_argument("--retry-after", type=int, metavar="SECONDS", help="with this Retry-After")
    parser.add_argument("--cut", choices=CUTS, default="", help="cut the connection")
    parser.add_argument("--firewall", action="store_true", help="refuse as a closed network does")


def _set(places: Places, options: argparse.Namespace) -> None:
    names = ("door", "method", "path", "times", "skip", "delay", "status", "code", "retry_after", "cut")
    fault = Fault(**{name: getattr(options, name) for name in names}, firewall=options.firewall)
    number = set_fault(places, options.cloud, fault)
    print(f"Fault {number} is set. Lift it: python -m sandbox fault lift {options.cloud} {number}")


def _lift(places: Places, options: argparse.Namespace) -> None:
    tell(places, options.cloud, "lift", id=options.number)


def _clock(places: Places, options: argparse.Namespace) -> None:
    seconds = -options.shift if options.back else options.shift
    tell(places, options.cloud, "clock", seconds=seconds)


def _grants(places: Places, options: argparse.Namespace) -> None:
    tell(places, options.cloud, "grants", seconds=options.duration)


def _choose(places: Places, options: argparse.Namespace) -> None:
    tell(places, options.cloud, "choose", name=options.point, value=options.value)


def _reset(places: Places, _: argparse.Namespace) -> None:
    for side in _SIDES:
        tell(places, side, "reset")


def _list(places: Places, options: argparse.Namespace) -> None:
    found = {side: tell(places, side, "list") for side in _SIDES}
    if options.json:
        shown = {
            side: {key: each for key, each in set.items() if key != "done"} for side, set in found.items()
        }
        print(json.dumps(shown, indent=2))
        return
    for side in _SIDES:
        for line in _lines(found[side]):
            print(f"{side}: {line}")


def _lines(found: Json) -> Iterable[str]:
    for each in found["faults"]:
        said = " ".join(f"{key}={value}" for key, value in each.items() if key not in ("id", "played"))
        yield f"fault {each['id']}, played {each['played']} times: {said}"
    if found["clock"]:
        yield f"the clock is {found['clock']:+.0f} s from this machine's"
    if found["grants"]:
        yield f"a new grant takes {found['grants']:.0f} s"
    for name, value in found["choices"].items():
        if value != OPEN_QUESTIONS[name].default:
            yield f"{name} is {value}: {OPEN_QUESTIONS[name].values[value]}"
    if not found["faults"]:
        yield "no fault"


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 30s, 5m, 2h or 61d")
    return float(found[1]) * _SECONDS[found[2]]


def _table(rows: dict[str, str]) -> str:
    return "".join(f"  {name:10} {words}\n" for name, words in rows.items())


def _points() -> str:
    lines = []
    for name, point in OPEN_QUESTIONS.items():
        lines.append(f"  {name}: {point.question}\n")
        lines += [f"    {value:12} {words}\n" for value, words in point.values.items()]
    return "".join(lines)
