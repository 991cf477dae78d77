"""Polling, retries, timeouts and cancellation of the stand-in, against a scripted service."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sandbox.cloud.definitions import SOURCE
from tests.engine.provider.stand_in import CallFailedError, InitFailedError, StandIn, running

GROUP = "resources:ResourceGroup"
INPUTS = {"resourceGroupName": "here", "location": "westeurope"}
PATH = f"/subscriptions/{SOURCE.subscription}/resourcegroups/here"
SOON = {"Retry-After-Ms": "5"}

Reply = tuple[int, dict[str, str], Any]


def body(state: str = "") -> dict[str, Any]:
    inner = {"properties": {"provisioningState": state}} if state else {}
    return {"id": PATH, "name": "here", "location": "westeurope", **inner}


class Service:
    """A management endpoint with metadata and tokens.

    `script` has the responses by method and path; the last response of a list is repeated.
    """

    def __init__(self) -> None:
        self.script: dict[str, list[Reply]] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                status, headers, content = service.reply(self.command, self.path, dict(self.headers))
                text = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_DELETE = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def reply(self, method: str, path: str, headers: dict[str, str]) -> Reply:
        place = path.partition("?")[0]
        if place == "/metadata/endpoints":
            found = {"name": SOURCE.name, "resourceManager": self.url}
            return 200, {}, [{**found, "authentication": {"audiences": [self.url]}}]
        if place == "/token":
            return 200, {}, {"access_token": "a.b.c", "expires_on": "4000000000"}
        self.requests.append(f"{method} {path}")
        self.headers.append(headers)
        replies = self.script[f"{method} {place}"]
        return replies.pop(0) if len(replies) > 1 else replies[0]


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture
def stand_in(service: Service) -> Iterator[StandIn]:
    environment = {
        **os.environ,
        "ARM_METADATA_HOSTNAME": service.url,
        "IDENTITY_ENDPOINT": f"{service.url}/token",
    }
    with running(environment, SOURCE) as found:
        yield found


def put(first: Reply, *reads: Reply) -> dict[str, list[Reply]]:
    """A missing resource, the response to its PUT, and the responses to later reads."""
    return {
        f"GET {PATH}": [(404, {}, {}), *(reads or [(200, {}, body("Succeeded"))])],
        f"PUT {PATH}": [first],
    }


def operations(url: str) -> dict[str, tuple[dict[str, list[Reply]], list[str]]]:
    """The script of a PUT, and the stand-in's requests after it."""
    operation, place = f"{url}/operation?api-version=1", f"{url}/place?api-version=1"
    done: Reply = (200, {}, {"status": "Succeeded"})
    running_: Reply = (200, SOON, {"status": "Running"})
    both = {"Azure-AsyncOperation": operation, "Location": place}
    return {
        "complete at once": (put((201, {}, body("Succeeded"))), []),
        "no state": (put((200, {}, body())), []),
        "an operation": (
            {
                **put((201, {"Azure-AsyncOperation": operation}, body("Creating"))),
                "GET /operation": [running_, done],
            },
            ["GET /operation", "GET /operation", f"GET {PATH}"],
        ),
        "an operation and a Location": (
            {**put((202, both, None)), "GET /operation": [done], "GET /place": [(500, {}, {})]},
            ["GET /operation", f"GET {PATH}"],
        ),
        "a Location": (
            {
                **put((202, {"Location": place}, None)),
                "GET /place": [(202, SOON, None), (200, {}, body("Succeeded"))],
            },
            ["GET /place", "GET /place"],
        ),
        "the resource's own state": (
            put((201, {}, body("Creating")), (200, SOON, body("Creating")), (200, {}, body("Succeeded"))),
            [f"GET {PATH}", f"GET {PATH}"],
        ),
        "a busy service": (
            {
                **put((201, {"Azure-AsyncOperation": operation}, body("Creating"))),
                "GET /operation": [(503, {}, {}), (429, {}, {}), done],
            },
            ["GET /operation"] * 3 + [f"GET {PATH}"],
        ),
    }


@pytest.mark.parametrize("case", operations(""))
def test_an_operation_is_polled_as_by_azcore(service: Service, stand_in: StandIn, case: str) -> None:
    service.script, expected = operations(service.url)[case]
    id, state = stand_in.create(GROUP, INPUTS)
    assert (id, state["location"]) == (PATH, "westeurope")
    requests = [each.partition("?")[0] for each in service.requests]
    assert requests == [f"GET {PATH}", f"PUT {PATH}", *expected, f"GET {PATH}"]
    assert all("api-version=" in each for each in service.requests)


def test_a_failed_operation_keeps_the_created_resource(service: Service, stand_in: StandIn) -> None:
    service.script = put((201, {}, body("Failed")))
    with pytest.raises(InitFailedError) as failed:
        stand_in.create(GROUP, INPUTS)
    assert str(failed.value) == f'Status=201 Message="{json.dumps(body("Failed"))}"'
    assert failed.value.state["name"] == "here"


def test_a_timeout_keeps_the_created_resource(service: Service, stand_in: StandIn) -> None:
    service.script = put((201, {}, body("Creating")), (200, SOON, body("Creating")))
    with pytest.raises(InitFailedError, match="operation timed out") as failed:
        stand_in.create(GROUP, INPUTS, timeout=0.1)
    assert failed.value.id == PATH


def test_a_call_ends_when_the_engine_cancels(service: Service, stand_in: StandIn) -> None:
    service.script = put((201, {}, body("Creating")))
    service.script[f"GET {PATH}"] = [(404, {}, {}), (200, {"Retry-After": "1000"}, body("Creating"))]
    with futures.ThreadPoolExecutor(1) as pool:
        call = pool.submit(stand_in.create, GROUP, INPUTS)
        while len(service.requests) < 3:
            assert not call.done()
        stand_in.cancel()
        with pytest.raises(CallFailedError, match="context canceled"):
            call.result(60)


def test_a_delete_waits_and_reports_azcores_errors(service: Service, stand_in: StandIn) -> None:
    delete = f"DELETE {PATH}"
    gone: Reply = (404, {}, None)
    service.script = {
        delete: [(202, {"Location": f"{service.url}/place"}, None)],
        "GET /place": [(202, SOON, None), gone],
    }
    stand_in.delete(GROUP, PATH, INPUTS)
    assert [each.partition("?")[0] for each in service.requests] == [delete, "GET /place", "GET /place"]
    service.script = {delete: [(202, {}, None)]}
    with pytest.raises(CallFailedError, match="response is missing polling URL"):
        stand_in.delete(GROUP, PATH, INPUTS)
    service.script = {delete: [gone]}
    stand_in.delete(GROUP, PATH, INPUTS)


def test_a_busy_service_is_an_error_after_four_attempts(service: Service, stand_in: StandIn) -> None:
    service.script = {f"GET {PATH}": [(503, {}, {"error": {"code": "Busy", "message": "Later."}})]}
    with pytest.raises(CallFailedError, match=r"cannot check existence of resource .*: status code 503"):
        stand_in.create(GROUP, INPUTS)
    assert len(service.requests) == 4


def test_requests_have_the_plugins_headers(service: Service, stand_in: StandIn) -> None:
    service.script = put((200, {}, body("Succeeded")))
    stand_in.create(GROUP, INPUTS)
    sent = service.headers[1]
    assert sent["Accept"] == "application/json"
    assert sent["Content-Type"] == "application/json; charset=utf-8"
    assert sent["User-Agent"].startswith("pulumi-azure-native/3.29")
    assert sent["Authorization"] == "Bearer a.b.c"
