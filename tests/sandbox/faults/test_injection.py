"""Faults at the doors of a running sandbox, as a client meets them; set by the command's own functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.__main__ import main
from sandbox.cloud.definitions import SOURCE
from sandbox.cloud.paths import Places
from sandbox.cloud.store import Store
from sandbox.faults.control import choice, clock, fault, tell
from sandbox.lifecycle import require_running
from sandbox.status import status

GROUP = "/resourceGroups/fault-tests"


class SourceEndpoints:
    """One plain request at each door of the source cloud."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.cloud: dict[str, Any] = status(places)["clouds"]["source"]
        self.account = f"https://localhost:{self._storage_port()}/devstoreaccount/"

    def _storage_port(self) -> int:
        port = Store(self.places.state / SOURCE.side).port("storage")
        assert port
        return port

    def arm(self, method: str = "GET", path: str = GROUP, **more: Any) -> requests.Response:
        url = f"{self.cloud['arm']}/subscriptions/{self.cloud['subscription']}{path}?api-version=2024-03-01"
        bearer = {"Authorization": f"Bearer {self.cloud['token']}"}
        return self._ask(method, url, headers=bearer, **more)

    def token(self) -> requests.Response:
        identity = require_running(self.places)["identity"]
        query = {"api-version": "2019-08-01", "resource": SOURCE.vault_audience}
        return self._ask(
            "GET", identity["endpoint"], params=query, headers={"X-IDENTITY-HEADER": identity["header"]}
        )

    def registry(self) -> requests.Response:
        return self._ask("GET", f"https://{self.cloud['registries'][SOURCE.registry]}/v2/")

    def storage(self) -> requests.Response:
        return self._ask("GET", f"{self.account}?comp=list&sig=a-signature-to-look-for")

    def _ask(self, method: str, url: str, **more: Any) -> requests.Response:
        return requests.request(method, url, verify=self.cloud["ca"], timeout=60, **more)


@pytest.fixture(scope="module")
def doors(places: Places) -> SourceEndpoints:
    return SourceEndpoints(places)


def command(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What `python -m sandbox fault` prints on both streams."""
    assert main(["fault", *words]) == code
    said = capsys.readouterr()
    return said.out + said.err


ASKED: dict[str, Callable[[SourceEndpoints], requests.Response]] = {
    "arm": SourceEndpoints.arm,
    "token": SourceEndpoints.token,
    "registry": SourceEndpoints.registry,
    "storage": SourceEndpoints.storage,
}
SAID = {
    "arm": "SubscriptionRequestsThrottled",
    "token": "Too many requests.",
    "registry": "TOOMANYREQUESTS",
    "storage": "TooManyRequests",
}


@pytest.mark.parametrize("door", ASKED)
def test_a_door_throttles_as_often_as_told_in_its_own_words(door: str, doors: SourceEndpoints) -> None:
    healthy = ASKED[door](doors).status_code
    more = {"code": "TooManyRequests"} if door == "storage" else {}
    with fault(doors.places, "source", door, status=429, retry_after=7, times=2, skip=1, **more) as played:
        answers = [ASKED[door](doors) for _ in range(4)]
        assert played() == 2
    assert [answer.status_code for answer in answers] == [healthy, 429, 429, healthy]
    assert answers[1].headers["Retry-After"] == "7"
    assert SAID[door] in answers[1].text


@pytest.mark.parametrize("door", ASKED)
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_door_cuts_the_connection(door: str, cut: str, doors: SourceEndpoints) -> None:
    with (
        fault(doors.places, "source", door, cut=cut),
        pytest.raises(requests.ConnectionError),
    ):
        ASKED[door](doors)
    assert ASKED[door](doors).status_code


def test_a_request_whose_answer_is_lost_was_carried_out_and_one_cut_before_was_not(
    doors: SourceEndpoints,
) -> None:
    for cut, there in (("before", 404), ("after", 200)):
        path = f"{GROUP}-{cut}"
        with (
            fault(doors.places, "source", "arm", cut=cut, method="PUT", times=1),
            pytest.raises(requests.ConnectionError),
        ):
            doors.arm("PUT", path, json={"location": SOURCE.location})
        assert doors.arm("GET", path).status_code == there


def test_a_day_later_an_old_token_is_refused_and_a_new_one_is_good(doors: SourceEndpoints) -> None:
    path = f"/resourceGroups/{SOURCE.registry_group}"
    with clock(doors.places, "source", 25 * 3600):
        assert doors.arm("GET", path).json()["error"]["code"] == "ExpiredAuthenticationToken"
        assert SourceEndpoints(doors.places).arm("GET", path).status_code == 200
    assert doors.arm("GET", path).status_code == 200


def test_the_command_sets_lists_and_lifts(doors: SourceEndpoints, capsys: pytest.CaptureFixture[str]) -> None:
    said = command(capsys, "set", "target", "vault", "--status", "503", "--path", "/secrets/none")
    number = said.split()[1]
    assert f"fault lift target {number}" in said
    assert f"target: fault {number}, played 0 times: door=vault path=/secrets/none" in command(capsys)
    command(capsys, "lift", "target", number)
    assert "source: no fault\ntarget: no fault\n" in command(capsys)
    again = command(capsys, "lift", "target", number, code=1)
    assert again == f"sandbox: There is no fault {number}. See `python -m sandbox fault`.\n"


def test_the_command_moves_the_clock_and_resets(
    doors: SourceEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    command(capsys, "clock", "target", "2h", "--back")
    command(capsys, "grants", "target", "30s")
    said = command(capsys)
    assert "target: the clock is -7200 s from this machine's" in said
    assert "target: a new grant takes 30 s" in said
    command(capsys, "reset")
    assert command(capsys) == "source: no fault\ntarget: no fault\n"


def test_the_command_plays_an_open_point_another_way(
    doors: SourceEndpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    with choice(doors.places, "target", "existing", "fail"):
        command(capsys, "choose", "target", "existing", "skip")
        assert "existing is skip" in command(capsys)
        assert "It can be: fail, skip." in command(capsys, "choose", "target", "existing", "perhaps", code=1)
    assert json.loads(command(capsys, "--json"))["target"]["choices"]["existing"] == "fail"


def test_no_one_without_the_password_sets_a_fault(doors: SourceEndpoints) -> None:
    endpoint = require_running(doors.places)["control"]["endpoint"]
    answer = requests.post(endpoint, json={"cloud": "source", "do": "reset"}, timeout=60)
    assert answer.status_code == 401


def test_a_fault_leaves_no_signature_anywhere(doors: SourceEndpoints, places: Places) -> None:
    """The leak protocol over the paths of faults: logs, databases and what Azurite prints."""
    with fault(places, "source", "storage", status=403):
        assert doors.storage().status_code == 403
    with fault(places, "source", "arm", status=500):
        doors.arm("GET", f"{GROUP}?x=https://account/c?sig=a-signature-to-look-for&y=")
    with fault(places, "source", "storage", cut="after"), pytest.raises(requests.ConnectionError):
        doors.storage()
    tell(places, "source", "list")
    searched = [path for path in Path(places.state).rglob("*") if path.is_file()]
    found = [path for path in searched if b"a-signature-to-look-for" in path.read_bytes()]
    assert found == []
