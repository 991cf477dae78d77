"""Serve the rules to the engine: `pulumi preview --policy-pack policy`."""

from pulumi_policy import PolicyPack

from acr_transfer_policy.serving import policies
from acr_transfer_policy.stack_config import listen
from acr_transfer_policy.unpacking import unpack_once

listen()
unpack_once()
PolicyPack("acr-transfer", policies())
