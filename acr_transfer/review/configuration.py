"""The policy configuration of one review: a profile and further waivers."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acr_transfer.file_reader import SETTINGS_BYTES, read_text
from acr_transfer.model.json_text import parse_json
from acr_transfer.review.pack import PolicyPack, ReviewError


@contextmanager
def configuration(pack: PolicyPack, profile: str, waivers: Path | None) -> Iterator[Path]:
    """Yield the file for `--policy-pack-config`, which accepts one file only. Raises `ReviewError`."""
    chosen = _profile(pack, profile)
    if waivers is None:
        yield chosen
        return
    granted = _read(waivers)
    if unknown := sorted(granted.keys() - pack.rules.keys()):
        raise ReviewError(
            f"{waivers} has waivers for unknown rules: {', '.join(unknown)}.\n"
            "Fix: use the names in docs/policies.md."
        )
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder, "configuration.json")
        merged.write_text(json.dumps(with_waivers(_read(chosen), granted)))
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
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in profiles.glob("*.json")))
    raise ReviewError(
        f"{name} is neither a profile nor a file.\nFix: use one of {known}, or a policy configuration file."
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(read_text(path, "policy configuration", limit=SETTINGS_BYTES))
    except ValueError as error:
        raise ReviewError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise ReviewError(
            f"{path} is not a JSON object.\nFix: write one key for each rule; see docs/review.md."
        )
    return found
