"""`pulumi up` of a stack that is there, through Pulumi's Automation API.

https://www.pulumi.com/docs/iac/automation-api/
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acr_transfer.errors import StackError


def up(stack: str, folder: Path, told: Callable[[str], None] | None) -> str:
    """Deploy a stack of the project in `folder`; what changed, in a few words.

    `told` gets each line that Pulumi prints. Raises `StackError` if there is no such stack, or it cannot be
    deployed: Pulumi's own words, which name the cause, were told by then.
    """
    from pulumi import automation

    try:
        found = automation.select_stack(stack_name=stack, work_dir=str(folder.resolve()))
        result = found.up(on_output=told, color="never", suppress_progress=True, suppress_outputs=True)
    except automation.StackNotFoundError:
        raise StackError(
            f"there is no stack {stack!r}: `pulumi stack init {stack}`, and configure it"
        ) from None
    except automation.CommandError as error:
        said = "" if told else f"\n{_reason(str(error))}"
        raise StackError(f"`pulumi up -s {stack}` failed; the rest of the stack is kept.{said}") from None
    changes = result.summary.resource_changes or {}
    changed = {str(getattr(kind, "value", kind)): count for kind, count in changes.items()}
    unchanged = changed.pop("same", 0)
    parts = [
        f"{count} {kind}d" if kind.endswith("e") else f"{count} {kind}" for kind, count in changed.items()
    ]
    return ", ".join([*parts, f"{unchanged} unchanged"])


def _reason(said: str) -> str:
    """The lines of Pulumi's output that name an error."""
    lines = [line.strip() for line in said.splitlines() if "error:" in line]
    return "\n".join(dict.fromkeys(lines)) or "Pulumi gave no reason."
