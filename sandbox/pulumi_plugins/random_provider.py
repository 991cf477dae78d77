"""A stand-in for `pulumi-resource-random`: the string that gives names their unique end."""

from __future__ import annotations

import secrets
import string

from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Autonaming, Diff, Provider, serve
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values, changes

_STRING = "random:index/randomString:RandomString"
_KINDS = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "numeric": string.digits,
    "special": "!@#$%&*()-_=+[]{}<>:?",
}


class Random(Provider):
    """Only `RandomString`; drawn once and kept until an input changes."""

    version = "4.21.4"

    def check(
        self, token: str, name: str, old: Values, new: Values, seed: bytes, wish: Autonaming | None
    ) -> tuple[Values, list[str]]:
        if token != _STRING:
            raise ProviderError(f"the sandbox's stand-in for random knows {_STRING} only, not {token}")
        faults = [] if "length" in new else ["missing required property 'length'"]
        return new, faults

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        found = dict(changes(old, new))
        return Diff(found, sorted(found), delete_before_replace=False)

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {**inputs, "result": UNKNOWN}
        kinds = [letters for kind, letters in _KINDS.items() if inputs.get(kind, True)]
        drawn = "".join(secrets.choice("".join(kinds)) for _ in range(inputs["length"]))
        return drawn, {**inputs, "result": drawn}

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        return inputs, state

    def delete(self, token: str, id: str, inputs: Values) -> None:
        """Nothing is kept anywhere but in the state."""


if __name__ == "__main__":
    serve(Random())
