"""Prints the page of all rules, docs/policies.md.

From the checkout's root: `.venv/bin/python -m policy.rules.page > docs/policies.md`
"""

import json
import sys
from pathlib import Path

from policy.framework.rule import PolicyRule, ResourceRule
from policy.rules.catalogue import ALL

CHAPTERS = {
    "registry": "Registry",
    "storage": "Storage",
    "vault": "Vault",
    "sas": "SAS secret",
    "pipeline": "Pipelines",
    "run": "Runs",
    "stack": "Stack and secrets",
}
"""The chapters in order, by the subjects of their rules."""


def page() -> str:
    """Return the page: the use of the pack, then each rule."""
    head = Path(__file__).with_name("page.md").read_text()
    return head.format(count=len(ALL)) + "".join(map(_chapter, CHAPTERS))


def _chapter(chapter: str) -> str:
    rows = [_row(rule) for rule in ALL if rule.chapter == chapter]
    head = ["| rule | level, severity | why | fix | control |", "| --- | --- | --- | --- | --- |"]
    return f"\n## {CHAPTERS[chapter]}\n\n" + "\n".join([*head, *rows]) + "\n" if rows else ""


def _row(rule: PolicyRule) -> str:
    scope = "resource" if isinstance(rule, ResourceRule) else "stack"
    remedy = (rule.remedy if isinstance(rule, ResourceRule) else None) or {}
    fix = [rule.fix]
    fix += [f"*`remediate` sets `{name}` to `{json.dumps(value)}`.*" for name, value in remedy.items()]
    fix += [
        f"*Setting `{each.name}`, by default `{json.dumps(each.default)}`: {each.description}*"
        for each in rule.settings
    ]
    level = f"{rule.level.value}, {rule.severity.value}; {scope}"
    cells = (f"[`{rule.name}`]({rule.url})", level, rule.why, " ".join(fix), " ".join(rule.control.value))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
