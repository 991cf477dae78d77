"""Serves a plugin to the engine, which reads the plugin's port from standard output."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

_LIMITS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


_ENGINE_CHECK_SECONDS = 1


def serve(
    register: Callable[[grpc.Server], None], *, threads: int, stop: Callable[[], None] = lambda: None
) -> None:
    """Serve the registered services until the engine stops the plugin or ends; then exit without a message.

    `stop` ends the plugin's own processes: an engine that is killed stops nothing.
    """
    engine = os.getppid()
    server = grpc.server(ThreadPoolExecutor(threads), options=_LIMITS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    while server.wait_for_termination(_ENGINE_CHECK_SECONDS) and os.getppid() == engine:
        pass
    stop()
    os._exit(0)
