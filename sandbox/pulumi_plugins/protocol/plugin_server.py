"""Serves a plugin to the engine, which reads the plugin's port from standard output."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

_LIMITS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]


def serve(register: Callable[[grpc.Server], None], *, threads: int) -> None:
    """Serve the registered services until the engine stops the plugin; then exit without a message."""
    server = grpc.server(ThreadPoolExecutor(threads), options=_LIMITS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server.wait_for_termination()
