"""The policy pack that a review uses: its folder and its rules."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from acr_transfer.errors import TransferError

if TYPE_CHECKING:
    from policy.framework.rule import PolicyRule

Rules: TypeAlias = "Mapping[str, PolicyRule]"
"""The rules of the pack by their names."""


class ReviewError(TransferError):
    """A stack cannot be reviewed; the message gives the reason and the fix."""

    exit_code = 3


@dataclass(frozen=True)
class PolicyPack:
    """A policy pack with this project's rules."""

    folder: Path
    """The folder for `--policy-pack`."""

    rules: Rules

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Load the pack in a folder; without one, the pack of the checkout or of the working directory.

        Raises `ReviewError` if the folder holds no such pack, or if pulumi-policy is not installed.
        """
        checkout = Path(__file__).resolve().parents[2] / "policy"
        found = (folder or (checkout if _is_pack(checkout) else Path("policy"))).absolute()
        if not _is_pack(found):
            raise ReviewError(
                f"{found} is not the policy pack of acr-transfer.\n"
                "Fix: name the folder `policy` of a checkout with --policy-pack, or run the command there."
            )
        if importlib.util.find_spec("pulumi_policy") is None:
            raise ReviewError(
                "The policy pack needs the Python package pulumi-policy.\n"
                "Fix: pip install 'acr-transfer[policy]'"
            )
        # The pack is not part of the installed package, so its modules are found beside the folder.
        sys.path.insert(0, str(found.parent))
        from policy.rules.catalogue import ALL

        return cls(found, {rule.name: rule for rule in ALL})


def _is_pack(folder: Path) -> bool:
    # Unlike Path.is_file, this answers for a name that is too long.
    return folder.name == "policy" and os.path.isfile(folder / "rules/catalogue.py")  # noqa: PTH113
