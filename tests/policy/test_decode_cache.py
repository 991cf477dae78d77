"""What the engine sends is unpacked once, and never shared with what changes it."""

from __future__ import annotations

from policy.framework.decode_cache import CallCache


def test_one_object_is_unpacked_once_and_an_equal_one_anew() -> None:
    asked: list[object] = []

    def unpacked(given: object) -> list[object]:
        asked.append(given)
        return [given]

    once = CallCache(unpacked)
    first, second = ["same"], ["same"]
    assert once(first) is once(first)
    assert once(second) is not once(first)
    assert asked == [first, second]


def test_what_is_changed_later_is_unpacked_for_that_alone() -> None:
    once = CallCache(lambda given, *_: [given])
    given = object()
    shared = once(given)
    assert once(given, True) is not once(given, True)
    assert once(given) is shared


def test_no_answer_is_given_for_an_object_that_is_gone() -> None:
    once = CallCache(lambda given, *_: given[0])
    assert [once([number]) for number in range(5_000)] == list(range(5_000))
