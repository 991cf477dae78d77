"""The configuration of one review: a profile of the pack, and the waivers of whoever uses it."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acr_transfer.review.engine import PACK, ReviewError
from policy.rules.catalogue import ALL

_PROFILES = PACK / "profiles"


@contextmanager
def configuration(profile: str, waivers: Path | None) -> Iterator[Path]:
    """Yield the file for `--policy-pack-config`, which takes one alone."""
    chosen = _profile(profile)
    if waivers is None:
        yield chosen
        return
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "configuration.json")
        whole.write_text(json.dumps(with_waivers(_read(chosen), _read(waivers))))
        yield whole


def with_waivers(config: dict[str, Any], waivers: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration with more waivers, which are listed by their rule."""
    strangers = sorted(set(waivers) - {rule.name for rule in ALL})
    if strangers:
        raise ReviewError(
            f"There are waivers for what is no rule: {', '.join(strangers)}. See docs/policies.md."
        )
    return {**config, **{rule: _waived(config.get(rule, {}), granted) for rule, granted in waivers.items()}}


def _waived(config: Any, granted: list[Any]) -> dict[str, Any]:
    known = {"enforcementLevel": config} if isinstance(config, str) else config
    return {**known, "waivers": [*known.get("waivers", []), *granted]}


def _profile(name: str) -> Path:
    """A profile by its name, or a file by its path."""
    for each in (_PROFILES / f"{name}.json", Path(name)):
        if each.is_file():
            return each
    known = ", ".join(sorted(each.stem for each in _PROFILES.glob("*.json")))
    raise ReviewError(f"{name} is no file and no profile; profiles are {known}.")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise ReviewError(f"{path} is no JSON object of rules by their names.")
    return found
