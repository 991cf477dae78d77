"""Prints the page of all rules, docs/policies.md.

From the checkout's root: `.venv/bin/python -m policy.rules.page > docs/policies.md`
"""

import json
import sys
from pathlib import Path

from policy.framework.rule import PolicyRule, ResourceRule
from policy.framework.settings import RuleSetting
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
    level = f"{rule.level.value}, {rule.severity.value}; {scope}"
    fix = " ".join([rule.fix, *_remedy(rule), *map(_setting, rule.settings)])
    reference, title = rule.control.value
    cells = (f"[`{rule.name}`]({rule.url})", level, rule.why, fix, f"{reference} {title}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _remedy(rule: PolicyRule) -> list[str]:
    remedy = rule.remedy if isinstance(rule, ResourceRule) else None
    return [
        f"*`remediate` sets `{name}` to `{json.dumps(value)}`.*" for name, value in (remedy or {}).items()
    ]


def _setting(setting: RuleSetting) -> str:
    return f"*Setting `{setting.name}`, by default `{json.dumps(setting.default)}`: {setting.description}*"


if __name__ == "__main__":
    sys.stdout.write(page())
