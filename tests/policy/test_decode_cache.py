"""Each message of the engine is decoded once, and never shared with code that changes the result."""

from __future__ import annotations

from policy.framework.decode_cache import CallCache


def test_one_object_is_decoded_once_and_an_equal_one_again() -> None:
    decoded: list[object] = []

    def decode(given: object) -> list[object]:
        decoded.append(given)
        return [given]

    once = CallCache(decode)
    first, second = ["same"], ["same"]
    assert once(first) is once(first)
    assert once(second) is not once(first)
    assert decoded == [first, second]


def test_a_result_for_changes_is_not_cached() -> None:
    once = CallCache(lambda given, *_: [given])
    given = object()
    shared = once(given)
    assert once(given, True) is not once(given, True)
    assert once(given) is shared


def test_no_result_survives_its_object() -> None:
    once = CallCache(lambda given, *_: given[0])
    assert [once([number]) for number in range(5_000)] == list(range(5_000))
