"""Serve the rules to the engine: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

# Pulumi runs this folder as a script, so the project's packages are not on the path yet.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.framework.pack import policies
from policy.framework.stack_config import listen
from policy.framework.unpacking import unpack_once

listen()
unpack_once()
PolicyPack("acr-transfer", policies())
