"""Text from outside, made safe to show: a name cannot move a cursor, start a line or command a CI runner."""

import re

_UNUSUAL = re.compile(r"[^\n\t -~]")
_LOG_COMMANDS = re.compile(r"(#)#(?=(?:vso)?\[)|(^[\t ]*):(?=:)|(<)\{(?=%)", re.IGNORECASE | re.MULTILINE)
"""Commands that a runner executes when a log shows them, and colours of Pulumi's console.

https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""


def visible(text: str) -> str:
    r"""Return a text in which every character is seen; line feeds and tabs stay.

    Control characters, bidirectional overrides, characters without width, line separators and halves of
    characters become escapes such as `\x1b`, `\u202e` and `\ud800`. The commands of GitHub Actions and Azure
    Pipelines are broken by the escape of one of their characters.
    """
    return _LOG_COMMANDS.sub(_broken, _UNUSUAL.sub(lambda found: escaped(found[0]), text))


def visible_line(text: str) -> str:
    r"""Return `visible` text that stays on its line: line feeds and tabs become `\n` and `\t`."""
    return visible(text.replace("\n", r"\n").replace("\t", r"\t"))


def escaped(character: str) -> str:
    """Return a character, or its escape if it cannot be seen."""
    return character if character.isprintable() else repr(character)[1:-1]


def _broken(found: re.Match[str]) -> str:
    kept = next(part for part in found.groups() if part is not None)
    return f"{kept}\\x{ord(found[0][len(kept)]):02x}"
