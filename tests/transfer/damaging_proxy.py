"""A TCP proxy that damages the content that passes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

MARK = b"<a mark that the proxy damages>"
_DAMAGED = MARK.replace(b"proxy", b"porxy")


@contextlib.contextmanager
def damaging(port: int, *, towards_server: bool) -> Iterator[int]:
    """Listen on a free port and forward to `port`; `MARK` is changed in one direction."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, port, towards_server), daemon=True).start()
        yield listener.getsockname()[1]
        # Wakes the thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, port: int, towards_server: bool) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for one, other, damages in ((near, far, towards_server), (far, near, not towards_server)):
                threading.Thread(target=_pass, args=(one, other, damages), daemon=True).start()


def _pass(one: socket.socket, other: socket.socket, damages: bool) -> None:
    with contextlib.suppress(OSError), one, other:
        while content := one.recv(65536):
            other.sendall(content.replace(MARK, _DAMAGED) if damages else content)
