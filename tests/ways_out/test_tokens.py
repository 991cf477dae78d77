"""The ways out of faults of a SAS token and of its secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.ways_out.pair import Pair, leads_out


@leads_out("token-ends", "token-ends-soon")
def test_a_token_that_ends_soon_is_extended(pair: Pair) -> None:
    soon = f"{datetime.now(UTC) + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}"
    pair.set("source", "acr-transfer:sasExpiry", soon)
    said = pair.up("source")
    pair.check(pair.doctor("source", code=0), "token-ends-soon")
    pair.follow(said, "token-ends", side="source", time="2096-07-01T00:00:00Z")
    assert "warning" not in pair.doctor("source", code=0)
    pair.works("source")
