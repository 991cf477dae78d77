"""The figures of all fuzzers in one table: `python -m tests.fuzz.table FOLDER`, filled by `make soak`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.limits import Finding

LEAST = {
    "documents": 5000,
    "registry": 500,
    "storage": 200,
    "packs": 200,
    "configurations": 100,
    "sandbox": 10_000,
}
"""The least cases of each campaign."""


def table(campaigns: Sequence[dict[str, Any]]) -> str:
    """The table in Markdown, as docs/security.md shows it."""
    rows = [
        f"| {each['name']} | {each['cases']:,} | {sum(each['counts'].values())} | {each['seconds']:.1f} s "
        f"| {each['peak'] / 1024**2:.0f} MiB |"
        for each in campaigns
    ]
    kinds = ", ".join(f"{sum(each['counts'].get(kind, 0) for each in campaigns)} {kind}" for kind in Finding)
    head = "| fuzzer | cases | faults | longest case | most memory |\n| --- | --: | --: | --: | --: |"
    return "\n".join([head, *rows, "", f"{kinds}."])


def shortfalls(campaigns: Sequence[dict[str, Any]]) -> list[str]:
    """What keeps the run from counting as passed."""
    cases = {each["name"]: each["cases"] for each in campaigns}
    few = [
        f"{name}: {cases.get(name, 0)} cases of {n}" for name, n in LEAST.items() if cases.get(name, 0) < n
    ]
    return few + [line for each in campaigns for line in each["found"]]


def main(folder: Path) -> int:
    campaigns = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    print(table(campaigns))
    faults = shortfalls(campaigns)
    print(*faults, sep="\n", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
