"""`pulumi up` of an existing stack, by Pulumi's Automation API.

https://www.pulumi.com/docs/iac/automation-api/
"""

import re
from collections.abc import Callable
from pathlib import Path

from acr_transfer.azure.stacks import failed_with, missing_stack
from acr_transfer.errors import StackError
from acr_transfer.model.failures.commands import STACK_LOCKED

_OTHER = re.compile("(warning|info|debug|stdout|stderr): ")


def deploy(stack: str, folder: Path, on_output: Callable[[str], None] | None) -> str:
    """Deploy a stack of the project in `folder`; return the numbers of changes, like `3 created`.

    `on_output` receives each line of Pulumi's progress. Raises `StackError` if the stack does not exist, is
    locked, or its deployment fails; the message has Pulumi's errors.
    """
    try:
        from pulumi import automation
    except ModuleNotFoundError:
        raise StackError("ship needs Pulumi's SDK: pip install 'acr-transfer[program]'") from None

    try:
        found = automation.select_stack(stack_name=stack, work_dir=str(folder.absolute()))
        result = found.up(on_output=on_output, color="never", suppress_progress=True, suppress_outputs=True)
    except automation.StackNotFoundError:
        raise missing_stack(stack, folder) from None
    except FileNotFoundError:
        raise StackError(
            f"cannot run `pulumi` in {folder}: is it on PATH, and does the folder exist?"
        ) from None
    except automation.ConcurrentUpdateError:
        locked = StackError(f"stack {stack!r} is locked. {STACK_LOCKED.why}")
        raise locked.led_out(STACK_LOCKED, stack=stack) from None
    except automation.CommandError as error:
        raise failed_with(
            f"`pulumi up -s {stack}` failed; completed changes are kept.\n{_reason(str(error))}"
        ) from None
    changes = result.summary.resource_changes or {}
    changed = {str(getattr(kind, "value", kind)): count for kind, count in changes.items()}
    unchanged = changed.pop("same", 0)
    parts = [
        f"{count} {kind}d" if kind.endswith("e") else f"{count} {kind}" for kind, count in changed.items()
    ]
    return ", ".join([*parts, f"{unchanged} unchanged"])


def _reason(output: str) -> str:
    """The errors in Pulumi's output: each ends with an empty line or before another message."""
    found = list[str]()
    indent = -1
    for line in output.splitlines():
        text = line.strip()
        if text.startswith("error:"):
            indent = len(line) - len(line.lstrip())
        elif not text or _OTHER.match(text) or len(line) - len(line.lstrip()) < indent:
            indent = -1
        if indent >= 0:
            found.append(line[indent:].rstrip())
    return "\n".join(dict.fromkeys(found)) or "Pulumi reported no reason."
