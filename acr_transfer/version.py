"""The version of the installed package."""


def version() -> str:
    """The installed version; `unknown` if the code runs without being installed."""
    from importlib import metadata

    try:
        return metadata.version("acr-transfer")
    except metadata.PackageNotFoundError:
        return "unknown"
