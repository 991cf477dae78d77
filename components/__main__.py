"""Hosts the components for programs in any Pulumi language: `pulumi package add ./components`."""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from pulumi.provider import main
from pulumi.provider.experimental.component import ComponentProvider

# Pulumi runs this folder as a script, so the package itself is not on the path yet.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from components import HOSTED, advice
from components.sdk import descriptions


class Package(ComponentProvider):
    """The components, with a schema that describes inherited properties too."""

    def __init__(self) -> None:
        advice.use(advice.CAMEL_CASE)
        super().__init__(HOSTED, "acr-transfer", version="0.1.0")
        self.schema = json.dumps(_described(json.loads(self.schema or "")))


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with inherited docstrings; the SDK reads only those of a class itself."""
    for component in HOSTED:
        resource = schema["resources"][f"acr-transfer:index:{component.__name__}"]
        kind: type = inspect.signature(component).parameters["args"].annotation
        for properties, declared in (("inputProperties", kind), ("properties", component)):
            for name, description in descriptions(declared).items():
                described = resource[properties][advice.camel_case(name)]
                described["description"] = advice.camel_case(description)
    return schema


if __name__ == "__main__":
    main(Package(), sys.argv[1:])
