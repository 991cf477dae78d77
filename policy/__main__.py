"""Serves the rules to Pulumi's engine: `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

# Pulumi runs this folder as a script, so the project's packages are not on the path yet.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy.framework.decode_cache import cache_decoding
from policy.framework.pack import policies
from policy.framework.stack_config import record_stack_config

record_stack_config()
cache_decoding()
PolicyPack("acr-transfer", policies())
