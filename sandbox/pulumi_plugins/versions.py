"""The versions of the stand-ins: those that the pinned SDKs request, which the engine compares exactly."""

AZURE_NATIVE = "3.29.0"
RANDOM = "4.21.4"
