"""The files in the folders of a pack that no pack wrote, which `pack` neither replaces nor deletes."""

import re
from collections.abc import Sequence
from pathlib import Path

from acr_transfer.disk.files import explained_disk
from acr_transfer.disk.layout import HANDOVER, JOURNAL, MANIFEST, SUMS
from acr_transfer.errors import InputError
from acr_transfer.file_reader import DOCUMENT_BYTES, decode_text
from acr_transfer.file_writer import Folder, open_folder
from acr_transfer.model.documents.handover import Handover
from acr_transfer.model.documents.pack_manifest import PARTS, PackManifest
from acr_transfer.model.errors import ModelError

_LINE_OF_SUMS = re.compile(rb"[0-9a-f]{64}  (parts/[^/\n]+|handover\.json|pack\.json)\n")


def refuse_foreign_files(folders: Sequence[Path]) -> None:
    """Raise `InputError` if a folder has files that a pack would replace and that no pack wrote."""
    foreign = [file for folder in folders if folder.exists() for file in _foreign(folder)]
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("a folder is named twice; name each folder once: `acr-transfer pack DIR1 DIR2 ...`")
    if foreign:
        listed = "".join(f"\n  {file}" for file in foreign)
        raise InputError(
            "these names belong to the files of a pack, and other files or damaged ones have them:"
            f"{listed}\nNothing was changed. Name another folder, for instance "
            f"`acr-transfer pack {foreign[0].parent / 'pack'}`, or remove these files if nobody needs them."
        )


def _foreign(path: Path) -> list[Path]:
    with explained_disk(f"reading {path}"), open_folder(path) as folder:
        # The journal and the manifest show that the folder is one of a pack.
        is_pack = _is_own(folder, JOURNAL) or _is_own(folder, MANIFEST)
        present = [name for name in (JOURNAL, MANIFEST, HANDOVER, SUMS, PARTS) if folder.exists(name)]
        return [path / name for name in present if not (_is_own(folder, name) and (is_pack or name == PARTS))]


def _is_own(folder: Folder, name: str) -> bool:
    """Whether a pack may have written a file, by its content."""
    try:
        if name == PARTS:
            with folder.inside(PARTS):
                return True
        with folder.open_file(name) as file:
            content = b"" if name == JOURNAL else file.read(DOCUMENT_BYTES)
        if name == MANIFEST:
            PackManifest.parse(decode_text(content))
        if name == HANDOVER:
            # `pack` adds the hashes; a hand-over from the source stack has none.
            return all(blob.sha256 for blob in Handover.parse(decode_text(content)).blobs)
        return name != SUMS or all(map(_LINE_OF_SUMS.fullmatch, content.splitlines(keepends=True)))
    except (OSError, ModelError, ValueError):
        return False
