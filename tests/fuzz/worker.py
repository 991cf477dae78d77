"""A process that runs each case of a fuzzer in a child of its own: `python -m tests.fuzz.worker MODULE...`.

It imports the modules once, then reads one JSON line for each case and answers with one. A child is a fork:
a case costs milliseconds and not the start of Python.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

LONGEST = 30
"""Seconds after which a case counts as a hang and is killed."""

BYTES = 2 * 1024**3
"""The most memory that a case may request. The limit for its use is lower, see `limits.MEMORY`: this one only
keeps an endless case from taking the machine's."""


def main() -> None:
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin.buffer:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(case: dict[str, Any]) -> dict[str, Any]:
    start = time.monotonic()
    child = os.fork()
    if not child:
        _run(case)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - start
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # the processes that the case started and left
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "seconds": seconds, "peak": used.ru_maxrss * 1024}


def _run(case: dict[str, Any]) -> None:
    """Run the case in this process, and end the process."""
    os.setsid()
    for number, name, flags in ((0, case["stdin"], os.O_RDONLY), (1, case["output"], os.O_WRONLY)):
        os.dup2(os.open(name, flags), number)
    os.dup2(1, 2)
    os.chdir(case["folder"])
    os.environ.clear()
    os.environ.update(case["environment"])
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    code = 1
    try:
        module, _, name = case["function"].partition(":")
        code = int(getattr(importlib.import_module(module), name)(*case["arguments"]) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except BaseException:
        traceback.print_exc()
    finally:
        # As at the end of Python: a stream that cannot be written is a fault that the user sees.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                code = 120
        os._exit(code)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
