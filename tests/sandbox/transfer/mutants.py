"""Removes one rule of the transfer service at a time; a test must fail for each.

    .venv/bin/python -m tests.sandbox.transfer.mutants [NAME ...]

Works in a copy of the checkout. All rules take about ten minutes, so this is not part of the test suite.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_COPIED = ("sandbox", "tests", "acr_transfer", "setup", "pyproject.toml")
_MOVES, _FAILURES = "tests/sandbox/transfer/test_service.py", "tests/sandbox/failures/test_failures.py"
_TRIGGER, _SURVIVE = (
    "tests/sandbox/transfer/test_source_trigger.py",
    "tests/sandbox/transfer/test_runs_survive.py",
)


@dataclass(frozen=True)
class RuleMutation:
    """One rule, and the code without it."""

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = (_MOVES, _FAILURES)


MUTANTS = (
    RuleMutation(
        "OverwriteBlobs allows an export to replace a blob",
        "exporting.py",
        "if run.has(OVERWRITE_BLOBS):",
        "if False:",
    ),
    RuleMutation(
        "without OverwriteBlobs an existing blob is kept",
        "exporting.py",
        "if run.has(OVERWRITE_BLOBS):",
        "if True:",
    ),
    RuleMutation(
        "OverwriteTags allows an import to replace a tag",
        "importing.py",
        'if run.has(OVERWRITE_TAGS) or ":" in name:  # a digest',
        'if ":" in name:',
    ),
    RuleMutation(
        "without OverwriteTags an existing tag is kept",
        "importing.py",
        'if run.has(OVERWRITE_TAGS) or ":" in name:  # a digest',
        "if True:",
    ),
    RuleMutation(
        "DeleteSourceBlobOnSuccess deletes the blob",
        "importing.py",
        "if run.has(DELETE_SOURCE) and",
        "if False and",
    ),
    RuleMutation(
        "DeleteSourceBlobOnSuccess keeps the blob of a partial import",
        "importing.py",
        "if run.has(DELETE_SOURCE) and not outcome.partial:",
        "if run.has(DELETE_SOURCE):",
    ),
    RuleMutation(
        "ContinueOnErrors continues a run",
        "transfer_run.py",
        "not (self.has(CONTINUE) and remaining)",
        "True",
    ),
    RuleMutation("an export sets the category", "exporting.py", ", metadata=CATEGORY", ""),
    RuleMutation(
        "an export sets the Content-MD5",
        "exporting.py",
        ", content_md5=bytearray(md5.digest())",
        "",
    ),
    RuleMutation(
        "a run verifies every blob", "archive.py", "or checksum.hexdigest() != expected:", "or False:"
    ),
    RuleMutation(
        "an import verifies every manifest",
        "archive.py",
        "if manifest.digest_like(digest) != digest:",
        "if False:",
    ),
    RuleMutation(
        "the catalog digest must match",
        "importing.py",
        "if run.catalog_digest and",
        "if False and",
    ),
    RuleMutation("the Content-MD5 must match", "importing.py", "if expected and", "if False and"),
    RuleMutation(
        "at most 50 artifacts per run", "rules.py", "if len(artifacts) > MAX_ARTIFACTS:", "if False:"
    ),
    RuleMutation("at most 8 GB per layer", "exporting.py", "size > MAX_LAYER_SIZE", "False"),
    RuleMutation("the export policy applies to runs", "runs.py", 'exports=end == "target"', "exports=False"),
    RuleMutation(
        "an import needs the list permission",
        "importing.py",
        "if await find_blob(container, run.blob) is None:",
        "if False:",
    ),
    RuleMutation(
        "an export needs the read permission",
        "exporting.py",
        "    await blob.get_blob_properties()",
        "    pass",
    ),
    RuleMutation(
        "an export needs the add permission", "container_access.py", 'and "a" not in permissions', "and False"
    ),
    RuleMutation(
        "storage takes https alone", "container_access.py", '.startswith("http://")', '.startswith("ftp://")'
    ),
    RuleMutation(
        "a run fails with its pipeline",
        "runs.py",
        "                self.stop(id, _pipeline_missing(pipeline))\n",
        "",
    ),
    RuleMutation(
        "the trigger requires the category", "trigger.py", "recent and marked and", "recent and", (_TRIGGER,)
    ),
    RuleMutation(
        "the trigger requires a Content-MD5",
        "trigger.py",
        "recent and marked and blob.content_settings.content_md5",
        "recent and marked",
        (_TRIGGER,),
    ),
    RuleMutation(
        "the trigger ignores blobs older than 60 days",
        "trigger.py",
        "recent and marked and",
        "marked and",
        (_TRIGGER,),
    ),
    RuleMutation(
        "a disabled trigger starts no run", "trigger.py", '.lower() == "enabled"', " != 0", (_TRIGGER,)
    ),
    RuleMutation(
        "the trigger imports a blob once",
        "trigger.py",
        'if self.resources.record_blob(pipeline["id"], blob.name, blob.etag):',
        "if True:",
        (_TRIGGER,),
    ),
    RuleMutation(
        "interrupted runs continue",
        "runs.py",
        "                self._start(id, body)\n\n    def stop",
        "                pass\n\n    def stop",
        (_SURVIVE,),
    ),
    RuleMutation(
        "a run recognizes the blob that it committed before a crash",
        "exporting.py",
        'if md5 and md5 == run.record.checkpoint.get("md5"):',
        "if False:",
        (_SURVIVE,),
    ),
    RuleMutation(
        "an import that completed before a crash is not repeated",
        "importing.py",
        'imported = "digest" in run.record.checkpoint',
        "imported = False",
        (_SURVIVE,),
    ),
)


def main(names: list[str]) -> int:
    """Print the failing test of each rule; returns the number of rules without one."""
    chosen = [each for each in MUTANTS if not names or any(name in each.rule for name in names)]
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(Path(folder))
        for mutant in chosen:
            caught = _caught(copy, mutant)
            survived += not caught
            print(f"{mutant.rule}: {caught or 'NO TEST FAILED'}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} rules are covered by a test")
    return survived


def _copied(folder: Path) -> Path:
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def _caught(copy: Path, mutant: RuleMutation) -> str:
    """The first test that fails without the rule, or an empty string."""
    file = copy / "sandbox" / "transfer" / mutant.file
    whole = file.read_text()
    assert whole.count(mutant.old) == 1, f"{mutant.rule}: {mutant.old!r} does not occur exactly once"
    file.write_text(whole.replace(mutant.old, mutant.new))
    try:
        ended = subprocess.run(
            [str(copy / ".venv/bin/python"), "-m", "pytest", "-x", "-q", "-p", "no:xdist", *mutant.tests],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
            text=True,
        )
    finally:
        file.write_text(whole)
    found = re.search(r"^FAILED \S+::(.+?)(?: - .*)?$", ended.stdout, re.MULTILINE)
    if not found and ended.returncode:
        raise SystemExit(ended.stdout[-3000:])
    return found[1] if found else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
