"""The local certificate authority, and the server certificate of all endpoints."""

import ssl
from pathlib import Path

import certifi
import trustme

from sandbox.cloud.paths import Paths


def ensure(paths: Paths) -> None:
    """Create the authority, the bundle and the server certificate, once per sandbox."""
    if paths.bundle.exists():
        return
    authority = trustme.CA(organization_name="acr-transfer sandbox")
    server = authority.issue_cert("localhost", "127.0.0.1", "::1", common_name="localhost")
    server.private_key_pem.write_to_path(_private(server_key(paths)))
    chain = b"".join(pem.bytes() for pem in server.cert_chain_pems)
    server_chain(paths).write_bytes(chain)
    authority.cert_pem.write_to_path(paths.authority)
    paths.bundle.write_bytes(_system_authorities() + b"\n" + authority.cert_pem.bytes())


def server_chain(paths: Paths) -> Path:
    """The server certificate."""
    return paths.state / "server.pem"


def server_key(paths: Paths) -> Path:
    """The private key of the server certificate."""
    return paths.state / "server.key"


def server_context(paths: Paths) -> ssl.SSLContext:
    """The TLS context of an endpoint."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_chain(paths), server_key(paths))
    return context


def client_context(paths: Paths) -> ssl.SSLContext:
    """The TLS context of a client that trusts only the sandbox."""
    return ssl.create_default_context(cafile=str(paths.authority))


def _private(path: Path) -> Path:
    path.touch(mode=0o600)
    return path


def _system_authorities() -> bytes:
    system = ssl.get_default_verify_paths().cafile
    return Path(system if system and Path(system).exists() else certifi.where()).read_bytes()
