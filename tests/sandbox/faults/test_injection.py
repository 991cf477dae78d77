"""Faults of a running sandbox as clients see them, and the command that sets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.__main__ import main
from sandbox.cloud.cloud import Cloud
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Paths
from sandbox.faults.control import send_order
from sandbox.lifecycle import require_running
from sandbox.status import status
from tests.sandbox.faults.control import choice, clock, fault

GROUP = "/resourceGroups/fault-tests"


class SourceEndpoints:
    """One plain request to each endpoint of the source cloud."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.cloud: dict[str, Any] = status(paths)["clouds"]["source"]
        self.account = Cloud(SOURCE, paths).blob_url("devstoreaccount")

    def arm(self, method: str = "GET", path: str = GROUP, **more: Any) -> requests.Response:
        url = f"{self.cloud['arm']}/subscriptions/{self.cloud['subscription']}{path}?api-version=2024-03-01"
        bearer = {"Authorization": f"Bearer {self.cloud['token']}"}
        return self._send(method, url, headers=bearer, **more)

    def token(self) -> requests.Response:
        identity = require_running(self.paths)["identity"]
        query = {"api-version": "2019-08-01", "resource": SOURCE.vault_audience}
        return self._send(
            "GET", identity["endpoint"], params=query, headers={"X-IDENTITY-HEADER": identity["header"]}
        )

    def registry(self) -> requests.Response:
        return self._send("GET", f"https://{self.cloud['registries'][SOURCE.registry]}/v2/")

    def storage(self) -> requests.Response:
        return self._send("GET", f"{self.account}?comp=list&sig=a-signature-to-look-for")

    def _send(self, method: str, url: str, **more: Any) -> requests.Response:
        return requests.request(method, url, verify=self.cloud["ca"], timeout=60, **more)


@pytest.fixture(scope="module")
def endpoints(paths: Paths) -> SourceEndpoints:
    return SourceEndpoints(paths)


def command(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """The output of `python -m sandbox fault` on both streams."""
    assert main(["fault", *arguments]) == code
    output = capsys.readouterr()
    return output.out + output.err


REQUESTS: dict[str, Callable[[SourceEndpoints], requests.Response]] = {
    "arm": SourceEndpoints.arm,
    "token": SourceEndpoints.token,
    "registry": SourceEndpoints.registry,
    "storage": SourceEndpoints.storage,
}
ERRORS = {
    "arm": "SubscriptionRequestsThrottled",
    "token": "Too many requests.",
    "registry": "TOOMANYREQUESTS",
    "storage": "TooManyRequests",
}


@pytest.mark.parametrize("endpoint", REQUESTS)
def test_an_endpoint_throttles_the_given_number_of_requests(
    endpoint: str, endpoints: SourceEndpoints
) -> None:
    healthy = REQUESTS[endpoint](endpoints).status_code
    more = {"code": "TooManyRequests"} if endpoint == "storage" else {}
    with fault(
        endpoints.paths, "source", endpoint, status=429, retry_after=7, times=2, skip=1, **more
    ) as applied:
        answers = [REQUESTS[endpoint](endpoints) for _ in range(4)]
        assert applied() == 2
    assert [answer.status_code for answer in answers] == [healthy, 429, 429, healthy]
    assert answers[1].headers["Retry-After"] == "7"
    assert ERRORS[endpoint] in answers[1].text


@pytest.mark.parametrize("endpoint", REQUESTS)
@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_endpoint_closes_the_connection(endpoint: str, cut: str, endpoints: SourceEndpoints) -> None:
    with (
        fault(endpoints.paths, "source", endpoint, cut=cut),
        pytest.raises(requests.ConnectionError),
    ):
        REQUESTS[endpoint](endpoints)
    assert REQUESTS[endpoint](endpoints).status_code


def test_only_a_request_that_is_cut_after_processing_has_an_effect(
    endpoints: SourceEndpoints,
) -> None:
    for cut, expected in (("before", 404), ("after", 200)):
        path = f"{GROUP}-{cut}"
        with (
            fault(endpoints.paths, "source", "arm", cut=cut, method="PUT", times=1),
            pytest.raises(requests.ConnectionError),
        ):
            endpoints.arm("PUT", path, json={"location": SOURCE.location})
        assert endpoints.arm("GET", path).status_code == expected


def test_a_token_expires_when_the_clock_is_shifted(endpoints: SourceEndpoints) -> None:
    path = f"/resourceGroups/{SOURCE.registry_group}"
    with clock(endpoints.paths, "source", 25 * 3600):
        assert endpoints.arm("GET", path).json()["error"]["code"] == "ExpiredAuthenticationToken"
        assert SourceEndpoints(endpoints.paths).arm("GET", path).status_code == 200
    assert endpoints.arm("GET", path).status_code == 200


def test_the_command_sets_lists_and_lifts_faults(
    endpoints: SourceEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    output = command(capsys, "set", "target", "vault", "--status", "503", "--path", "/secrets/none")
    number = output.split()[1]
    assert f"fault lift target {number}" in output
    assert f"target: fault {number}, applied 0 times: endpoint=vault path=/secrets/none" in command(capsys)
    command(capsys, "lift", "target", number)
    assert command(capsys).count("no faults\n") == 2
    again = command(capsys, "lift", "target", number, code=1)
    assert again == f"sandbox: Fault {number} does not exist. See `python -m sandbox fault`.\n"


def test_the_command_shifts_the_clock_and_resets(
    endpoints: SourceEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    command(capsys, "clock", "target", "2h", "--back")
    command(capsys, "grants", "target", "30s")
    output = command(capsys)
    assert "target: clock shifted by -7200 s" in output
    assert "target: new role assignments delayed by 30 s" in output
    command(capsys, "reset")
    assert command(capsys) == "source: no faults\ntarget: no faults\n"
    assert json.loads(command(capsys, "--json"))["target"]["grants"] == 300
    for cloud in ("source", "target"):  # as the other tests expect it
        command(capsys, "grants", cloud, "0")


def test_the_command_answers_an_open_question_differently(
    endpoints: SourceEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    with choice(endpoints.paths, "target", "existing", "fail"):
        command(capsys, "choose", "target", "existing", "skip")
        assert "existing is skip" in command(capsys)
        assert "Values: fail, skip." in command(capsys, "choose", "target", "existing", "perhaps", code=1)
    assert json.loads(command(capsys, "--json"))["target"]["choices"]["existing"] == "fail"


def test_the_control_endpoint_requires_its_password(endpoints: SourceEndpoints) -> None:
    endpoint = require_running(endpoints.paths)["control"]["endpoint"]
    answer = requests.post(endpoint, json={"cloud": "source", "do": "reset"}, timeout=60)
    assert answer.status_code == 401


def test_faults_leave_no_signature_in_logs_or_databases(endpoints: SourceEndpoints, paths: Paths) -> None:
    """Searches logs, databases and the output of Azurite."""
    with fault(paths, "source", "storage", status=403):
        assert endpoints.storage().status_code == 403
    with fault(paths, "source", "arm", status=500):
        endpoints.arm("GET", f"{GROUP}?x=https://account/c?sig=a-signature-to-look-for&y=")
    with fault(paths, "source", "storage", cut="after"), pytest.raises(requests.ConnectionError):
        endpoints.storage()
    send_order(paths, "source", "list")
    searched = [path for path in Path(paths.state).rglob("*") if path.is_file()]
    found = [path for path in searched if b"a-signature-to-look-for" in path.read_bytes()]
    assert found == []
