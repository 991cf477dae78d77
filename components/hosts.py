"""Whether what stands before a slash is a registry's host or the beginning of a repository's name."""

import ipaddress


def is_host(first: str, registry: str = "") -> bool:
    """Whether the first part of a reference names a registry, given by mistake.

    `registry` is the name or the login server of the registry that the artifact is in, or empty. In Docker's
    references a first part with a dot, a port, or `localhost` is a host
    (https://pkg.go.dev/github.com/distribution/reference). A dot alone makes none here: a registry that
    mirrors others may well have a repository `docker.io/library/nginx`. These are hosts:
    `localhost`, an IP address, what has a port, the registry's own name followed by a dot, and, if the login
    server is known, every other registry of the same cloud.
    """
    host, own = first.lower(), registry.lower()
    if ":" in host or host == "localhost" or _is_address(host):
        return True
    name, _, domain = own.partition(":")[0].partition(".")
    return bool(name) and (host.startswith(f"{name}.") or ("." in domain and host.endswith(f".{domain}")))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
