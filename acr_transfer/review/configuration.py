"""The policy configuration of one review: a profile and further waivers."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from acr_transfer.file_reader import SETTINGS_BYTES, read_text
from acr_transfer.model.credentials import quoted
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.model.references import listed
from acr_transfer.model.visible_text import visible_line
from acr_transfer.review.pack import PolicyPack, ReviewError

_FORM = "write one key for each rule; see docs/review.md"
_SHOWN = 60
"""Characters of a key in a message."""


@contextmanager
def configuration(pack: PolicyPack, profile: str, waivers: Path | None) -> Iterator[Path]:
    """Yield the file for `--policy-pack-config`, which accepts one file only. Raises `ReviewError`."""
    chosen = _profile(pack, profile)
    if waivers is None:
        yield chosen
        return
    granted = _read(waivers)
    if unknown := sorted(visible_line(key[:_SHOWN]) for key in granted.keys() - pack.rules.keys()):
        raise ReviewError(
            f"{waivers} has waivers for unknown rules: {listed(unknown)}.\n"
            "Fix: use the names in docs/policies.md."
        )
    _check(waivers, granted, "list of waivers", lambda value: isinstance(value, list))
    settings = _read(chosen)
    _check(chosen, settings, "level and no object with a list `waivers`", _is_setting)
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder, "configuration.json")
        merged.write_text(json.dumps(with_waivers(settings, granted)))
        yield merged


def with_waivers(config: Mapping[str, Any], waivers: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return a policy configuration with further waivers, given by their rules."""
    changed = dict(config)
    for rule, added in waivers.items():
        found = config.get(rule, {})
        settings = {"enforcementLevel": found} if isinstance(found, str) else found
        changed[rule] = {**settings, "waivers": [*settings.get("waivers", []), *added]}
    return changed


def _profile(pack: PolicyPack, name: str) -> Path:
    """A profile by its name, or a file by its path."""
    profiles = pack.folder / "profiles"
    for path in (profiles / f"{name}.json", Path(name)):
        with suppress(OSError):
            if path.is_file():
                return path
    known = ", ".join(sorted(path.stem for path in profiles.glob("*.json")))
    raise ReviewError(
        f"{quoted(name)} is neither a profile nor a file.\n"
        f"Fix: use one of {known}, or a policy configuration file."
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(read_text(path, "policy configuration", limit=SETTINGS_BYTES))
    except JsonError as error:
        raise ReviewError(f"{path} {error}.\nFix: {_FORM}.") from None
    if not isinstance(found, dict):
        raise ReviewError(f"{path} is not a JSON object.\nFix: {_FORM}.")
    return found


def _check(path: Path, values: Mapping[str, Any], expected: str, is_good: Callable[[Any], bool]) -> None:
    """Raise one `ReviewError` for all values of another kind, which a merged file would hide."""
    if wrong := [visible_line(key[:_SHOWN]) for key, value in values.items() if not is_good(value)]:
        raise ReviewError(f"{path} has no {expected} for {listed(wrong)}.\nFix: {_FORM}.")


def _is_setting(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("waivers", []), list))
