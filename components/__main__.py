"""Serve the components to programs in any Pulumi language: `pulumi package add ./components`."""

import sys
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

# Pulumi runs this folder as a script, so the package itself is not on the path yet.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from components import HOSTED

if __name__ == "__main__":
    component_provider_host(HOSTED, name="acr-transfer", version="0.1.0")
