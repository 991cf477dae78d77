"""The types of document fields, each with the expectation that messages show."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    Strict,
    ValidationError,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema

from acr_transfer.model.references import DIGEST_PATTERN, FULL_FORMS, REFERENCE_PATTERN
from acr_transfer.model.resource_names import HOST

_MOST_ENTRIES = 1000
_FAULTY_ENTRIES = 100
"""The faulty entries of one list that are checked; a list may hold a million of them."""


class Expected:
    """Declares the expectation that messages show for a type."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _with_expectation(handler(source), self.words)


class Form(Expected):
    """Declares a text that a regular expression matches from beginning to end."""

    def __init__(self, pattern: str, words: str) -> None:
        super().__init__(words)
        self._pattern = re.compile(pattern)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(strict=True)
        matched = core_schema.no_info_after_validator_function(self._matched, text)
        return _with_expectation(matched, self.words)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: object) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self._pattern.pattern}$"}

    def _matched(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError
        return value


class Whole(Expected):
    """Declares a whole number; neither 1.0 nor true is 1."""

    def __init__(self, words: str, least: int = 0, most: int | None = None) -> None:
        super().__init__(words)
        self._least, self._most = least, most

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _with_expectation(
            core_schema.int_schema(strict=True, ge=self._least, le=self._most), self.words
        )


def _few(value: object) -> object:
    if isinstance(value, dict) and len(value) > _MOST_ENTRIES:
        raise fault(f"has {len(value)} entries; expected at most {_MOST_ENTRIES}")
    return value


FewEntries = BeforeValidator(_few)
"""Declares an object with free keys whose entries are not checked if there are more than a thousand."""


class Bounded:
    """Declares a list whose check ends after its first hundred faulty entries."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = {**handler(source), "fail_fast": True}
        return core_schema.no_info_wrap_validator_function(_first_faults, schema)


def _first_faults(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate a list; after a faulty entry, continue with the rest of the list."""
    faults: list[InitErrorDetails] = []
    start = 0
    for _ in range(_FAULTY_ENTRIES):
        try:
            found = validate(value[start:] if start else value)
        except ValidationError as error:
            details = error.errors(include_url=False)
            faults += [_moved(each, start) for each in details]
            start = _entry_after(details, start)
        else:
            start = 0
        if not start:
            break
    else:
        few = fault(f"has {_FAULTY_ENTRIES} faulty entries or more; the rest was not checked")
        faults.insert(0, InitErrorDetails(type=few, loc=(), input=None))
    if faults:
        raise ValidationError.from_exception_data("list", faults)
    return found


def _entry_after(details: Sequence[ErrorDetails], start: int) -> int:
    """The position behind the faulty entry; 0 if the list itself is at fault."""
    location = details[0]["loc"]
    return start + location[0] + 1 if location and isinstance(location[0], int) else 0


def _moved(error: ErrorDetails, start: int) -> InitErrorDetails:
    """The same fault; an entry of the rest has its place in the whole list."""
    location = error["loc"]
    if location and isinstance(location[0], int):
        location = (start + location[0], *location[1:])
    context = {**error.get("ctx", {}), "message": error["msg"]}
    kind = PydanticCustomError(error["type"], "{message}", context)
    return InitErrorDetails(type=kind, loc=location, input=error["input"])


def _with_expectation(schema: CoreSchema, words: str) -> CoreSchema:
    return core_schema.custom_error_schema(
        schema,
        custom_error_type="expected",
        custom_error_message="expected {words}",
        custom_error_context={"words": words},
    )


def named(key: str) -> Any:
    """Declares a field whose key in JSON cannot be its name in Python."""
    return Field(validation_alias=key, serialization_alias=key)


def fault(words: str) -> PydanticCustomError:
    """Return the error of a validator: a sentence without its subject, which is the place in the document."""
    return PydanticCustomError("fault", "{words}", {"words": words})


Text = Annotated[str, Strict(), Field(min_length=1), Expected("text that is not empty")]
AnyText = Annotated[str, Strict(), Expected("text")]
Count = Annotated[int, Whole("a whole number, at least 0")]
Bytes = Annotated[int, Whole("a number of bytes")]
OptionalBytes = Annotated[int | None, Whole("a number of bytes")]
"""Bytes that may be missing, but not null."""

Flag = Annotated[bool, Strict(), Expected("true or false")]
Digest = Annotated[str, Form(DIGEST_PATTERN, "sha256: and 64 hex digits")]
FullReference = Annotated[str, Form(REFERENCE_PATTERN, FULL_FORMS)]
Host = Annotated[str, Form(HOST.pattern, HOST.expected)]
Time = Annotated[
    str, Form(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", "a time such as 2027-01-31T00:00:00Z")
]


SchemaVersion = Annotated[int, Whole("1", 1, 1)]
