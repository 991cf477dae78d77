"""A stand-in for the vendor's `pulumi-resource-random` plugin: `RandomString`."""

import secrets
import string

from sandbox.pulumi_plugins import versions
from sandbox.pulumi_plugins.protocol.call_context import ProviderError
from sandbox.pulumi_plugins.protocol.resource_provider import Diff, Provider, serve
from sandbox.pulumi_plugins.protocol.values import UNKNOWN, Values, changes

_STRING = "random:index/randomString:RandomString"
_ALPHABETS = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "numeric": string.digits,
    "special": "!@#$%&*()-_=+[]{}<>:?",
}


class RandomProvider(Provider):
    """Only `RandomString`; the value is kept until an input changes."""

    version = versions.RANDOM

    def check(self, token: str, name: str, old: Values, new: Values, seed: bytes) -> tuple[Values, list[str]]:
        if token != _STRING:
            raise ProviderError(f"the sandbox's stand-in for random supports {_STRING} only, not {token}")
        return new, [] if "length" in new else ["missing required property 'length'"]

    def diff(self, token: str, old: Values, new: Values, state: Values) -> Diff:
        found = dict(changes(old, new))
        return Diff(found, sorted(found), delete_before_replace=False)

    def create(self, token: str, inputs: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {**inputs, "result": UNKNOWN}
        alphabet = "".join(letters for name, letters in _ALPHABETS.items() if inputs.get(name, True))
        result = "".join(secrets.choice(alphabet) for _ in range(inputs["length"]))
        return result, {**inputs, "result": result}

    def read(self, token: str, id: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        return inputs, state

    def delete(self, token: str, id: str, inputs: Values) -> None:
        """The state is the only copy."""


if __name__ == "__main__":
    serve(RandomProvider())
