"""`pulumi up` of an existing stack, by Pulumi's Automation API.

https://www.pulumi.com/docs/iac/automation-api/
"""

from collections.abc import Callable
from pathlib import Path

from acr_transfer.errors import StackError


def deploy(stack: str, folder: Path, on_output: Callable[[str], None] | None) -> str:
    """Deploy a stack of the project in `folder`; return the numbers of changes, like `3 created`.

    `on_output` receives each line that Pulumi prints, errors included. Raises `StackError` if the stack does
    not exist or its deployment fails; the message has Pulumi's errors only without `on_output`.
    """
    try:
        from pulumi import automation
    except ModuleNotFoundError:
        raise StackError("ship needs Pulumi's SDK: pip install 'acr-transfer[program]'") from None

    try:
        found = automation.select_stack(stack_name=stack, work_dir=str(folder.absolute()))
        result = found.up(on_output=on_output, color="never", suppress_progress=True, suppress_outputs=True)
    except automation.StackNotFoundError:
        raise StackError(
            f"stack {stack!r} does not exist: run `pulumi stack init {stack}`, and configure it"
        ) from None
    except FileNotFoundError:
        raise StackError(
            f"cannot run `pulumi` in {folder}: is it on PATH, and does the folder exist?"
        ) from None
    except automation.CommandError as error:
        errors = "" if on_output else f"\n{_reason(str(error))}"
        raise StackError(f"`pulumi up -s {stack}` failed; completed changes are kept.{errors}") from None
    changes = result.summary.resource_changes or {}
    changed = {str(getattr(kind, "value", kind)): count for kind, count in changes.items()}
    unchanged = changed.pop("same", 0)
    parts = [
        f"{count} {kind}d" if kind.endswith("e") else f"{count} {kind}" for kind, count in changed.items()
    ]
    return ", ".join([*parts, f"{unchanged} unchanged"])


def _reason(output: str) -> str:
    """The error lines of Pulumi's output."""
    lines = [line.strip() for line in output.splitlines() if "error:" in line]
    return "\n".join(dict.fromkeys(lines)) or "Pulumi reported no reason."
