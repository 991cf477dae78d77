"""The types of document fields, each with the expectation that messages show."""

import re
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, Strict
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from acr_transfer.model.references import DIGEST_PATTERN, FULL_FORMS, REFERENCE_PATTERN


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
Time = Annotated[
    str, Form(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}Z", "a time such as 2027-01-31T00:00:00Z")
]


SchemaVersion = Annotated[int, Whole("1", 1, 1)]
