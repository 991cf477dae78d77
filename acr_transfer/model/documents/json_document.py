"""JSON documents: declared as pydantic models, read with all faults at once, written in one spelling."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from acr_transfer.file_reader import DOCUMENT_BYTES, read_text
from acr_transfer.model.documents.faults import faults_of, shortened
from acr_transfer.model.documents.fields import Digest, SchemaVersion, named
from acr_transfer.model.errors import ModelError
from acr_transfer.model.json_text import JsonError, parse_json
from acr_transfer.model.text_files import write_file

_EXACT = 1 << 53
"""Below this, a floating-point number holds every whole number exactly."""


class DocumentError(ModelError):
    """A document cannot be used; the message names it, lists all faults, and states the fix."""


class Record(BaseModel):
    """A JSON object inside a document. Keys that are not declared are kept, and covered by the checksum."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def build(cls, **fields: Any) -> Self:
        """Return a record; an empty text counts as not given. Raises `pydantic.ValidationError`."""
        return cls.model_validate({name: value for name, value in fields.items() if value != ""})

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object: keys in camelCase, without optional values that are not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class Report(Record):
    """A JSON document that is only printed, or an object in it: every key is declared, without a checksum."""

    model_config = ConfigDict(extra="forbid")


class Document(Record):
    """A JSON document with a schema version and a checksum of everything else in it."""

    kind: ClassVar[str]
    """The document's name in messages."""

    fix: ClassVar[str]
    """The command that creates a correct one; `{path}` stands for the file."""

    version: ClassVar[int] = 1
    """The version that this program reads and writes."""

    schema_: SchemaVersion = named("schema")
    """The version of this document. A reader refuses a newer one."""

    checksum: Digest
    """The SHA-256 of the document without this key: JSON in UTF-8, keys sorted, no white space, characters
    beyond ASCII as they are."""

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Return a document with these fields and the checksum that fits. Raises `DocumentError`."""
        try:
            draft = cls.model_validate({"schema": cls.version, "checksum": _NO_DIGEST, **fields})
        except ValidationError as error:
            raise _faulty(cls.kind, faults_of(error), "report this message as a defect") from None
        return draft.with_checksum()

    def with_checksum(self) -> Self:
        """Return the same document with the checksum that fits, after a change."""
        return self.model_copy(update={"checksum": checksum_of(self.as_json())})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file. Raises `DocumentError` with every fault, or `TextFileError`."""
        fix = cls.fix.format(path=path)
        name = f"{cls.kind} {path}"
        # No variable keeps the text: it may be four times as large as the file.
        value = _parsed(read_text(path, cls.kind, fix, limit=DOCUMENT_BYTES), name, fix)
        return cls.check(value, name, fix)

    @classmethod
    def parse(cls, text: str, name: str = "", fix: str = "") -> Self:
        """Read JSON; `name` stands for the document in messages. Raises `DocumentError` with every fault."""
        name, fix = name or cls.kind, fix or cls.fix.format(path="<file>")
        return cls.check(_parsed(text, name, fix), name, fix)

    @classmethod
    def check(cls, value: object, name: str = "", fix: str = "") -> Self:
        """Read a JSON value that was parsed elsewhere, as `parse` does."""
        name, fix = name or cls.kind, fix or cls.fix.format(path="<file>")
        if not isinstance(value, Mapping):
            raise _unusable(name, "is not a JSON object", fix)
        _refuse_newer(value.get("schema"), name, cls.version)
        try:
            expected = checksum_of(value)
            found = cls.model_validate(value)
        except ValidationError as error:
            raise _faulty(name, faults_of(error), fix) from None
        except UnicodeEncodeError:
            raise _unusable(name, r"contains half of a character, such as \ud800", fix) from None
        except RecursionError:
            raise _unusable(name, "is nested too deeply", fix) from None
        if found.checksum != expected:
            changed = f"its checksum is {found.checksum}, that of its content {expected}"
            raise _unusable(name, f"was changed after it was written: {changed}", fix)
        return found

    def content(self) -> bytes:
        """Return the bytes of the file: keys sorted, two spaces, a line feed at the end."""
        text = json.dumps(self.as_json(), sort_keys=True, indent=2, ensure_ascii=False)
        return f"{text}\n".encode()

    def write(self, path: Path) -> None:
        """Write the file as a whole, so that no reader sees half of it. Raises `TextFileError`."""
        write_file(path, self.content(), self.kind)


_NO_DIGEST = f"sha256:{'0' * 64}"


def checksum_of(document: Mapping[str, Any]) -> str:
    """Return `sha256:<hex>` of a document without its `checksum`, in its shortest spelling.

    Neither the order of keys nor the layout of a file counts; a key that this program does not know does.
    """
    covered = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def with_whole_numbers(value: object) -> object:
    """Return a JSON value that passed through Pulumi's engine, whose numbers are floats, with 1.0 as 1."""
    if isinstance(value, Mapping):
        return {key: with_whole_numbers(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [with_whole_numbers(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value


def _refuse_newer(found: object, name: str, version: int) -> None:
    """Report this before all else: the only fault of a newer document is its age."""
    if isinstance(found, int) and not isinstance(found, bool) and found > version:
        raise DocumentError(
            f"The {name} has schema {found}; this version of acr-transfer reads up to {version}.\n"
            "Fix: use the version of acr-transfer that wrote it, or a later one."
        )


def _parsed(text: str, name: str, fix: str) -> object:
    try:
        return parse_json(text)
    except JsonError as error:
        raise _unusable(name, str(error), fix) from None


def _unusable(name: str, reason: str, fix: str) -> DocumentError:
    return DocumentError(f"The {name} {reason}.\nFix: {fix}")


def _faulty(name: str, faults: list[str], fix: str) -> DocumentError:
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return DocumentError(f"The {name} has {count}:\n  " + "\n  ".join(shortened(faults)) + f"\nFix: {fix}")
