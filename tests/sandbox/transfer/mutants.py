"""Deletes one rule of the transfer service at a time: for each, a test must fail.

    .venv/bin/python -m tests.sandbox.transfer.mutants [NAME ...]

Works in a copy of the checkout. Takes some ten minutes for all, so it is no part of the suite.
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
    """One rule, and what is left when it is deleted."""

    rule: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = (_MOVES, _FAILURES)


MUTANTS = (
    RuleMutation(
        "OverwriteBlobs lets an export replace a blob",
        "exporting.py",
        "if run.has(OVERWRITE_BLOBS):",
        "if False:",
    ),
    RuleMutation(
        "without it the blob that is there stays",
        "exporting.py",
        "if run.has(OVERWRITE_BLOBS):",
        "if True:",
    ),
    RuleMutation(
        "OverwriteTags lets an import replace a tag",
        "importing.py",
        "if run.has(OVERWRITE_TAGS) or is_digest(name):",
        "if is_digest(name):",
    ),
    RuleMutation(
        "without it the tag that is there stays",
        "importing.py",
        "if run.has(OVERWRITE_TAGS) or is_digest(name):",
        "if True:",
    ),
    RuleMutation(
        "DeleteSourceBlobOnSuccess removes the blob",
        "importing.py",
        "if run.has(DELETE_SOURCE) and",
        "if False and",
    ),
    RuleMutation(
        "but not while some of it has not arrived",
        "importing.py",
        "if run.has(DELETE_SOURCE) and not outcome.partial:",
        "if run.has(DELETE_SOURCE):",
    ),
    RuleMutation(
        "ContinueOnErrors lets an export go on",
        "exporting.py",
        "not (run.has(CONTINUE) and gathered.parts)",
        "True",
    ),
    RuleMutation(
        "ContinueOnErrors lets an import go on",
        "importing.py",
        "not (incoming.run.has(CONTINUE) and left)",
        "True",
    ),
    RuleMutation("an export marks its blob with the category", "exporting.py", ", metadata=CATEGORY", ""),
    RuleMutation(
        "an export gives its blob a Content-MD5",
        "exporting.py",
        ", content_md5=bytearray(md5.digest())",
        "",
    ),
    RuleMutation(
        "an export proves what the registry gives", "archive.py", "if left or not proof.good:", "if left:"
    ),
    RuleMutation("an import proves every layer", "importing.py", "not (accepted and proof.good)", "False"),
    RuleMutation(
        "an import proves every manifest",
        "archive.py",
        "if manifest.digest_like(digest) != digest:",
        "if False:",
    ),
    RuleMutation(
        "the catalog digest must be the one named",
        "importing.py",
        "if run.catalog_digest and",
        "if False and",
    ),
    RuleMutation(
        "the Content-MD5 must be that of the bytes", "importing.py", "if expected and", "if False and"
    ),
    RuleMutation("at most 50 artifacts", "runs.py", "if len(artifacts) > MOST_ARTIFACTS:", "if False:"),
    RuleMutation("at most 8 GB a layer", "exporting.py", "size > LARGEST_LAYER", "False"),
    RuleMutation(
        "an export policy holds for runs too", "runs.py", 'exports=end == "target"', "exports=False"
    ),
    RuleMutation("an import needs the list right", "importing.py", "    await _find(run, container)\n", ""),
    RuleMutation(
        "an export needs the read right", "exporting.py", "    await blob.get_blob_properties()", "    pass"
    ),
    RuleMutation(
        "an export needs the add right", "container_access.py", 'and "a" not in letters', "and False"
    ),
    RuleMutation(
        "storage takes https alone", "container_access.py", '.startswith("http://")', '.startswith("ftp://")'
    ),
    RuleMutation("a run needs its pipeline", "runs.py", "            stop(cloud, id, _gone(pipeline))\n", ""),
    RuleMutation(
        "the trigger wants the category", "trigger.py", "recent and marked and", "recent and", (_TRIGGER,)
    ),
    RuleMutation(
        "the trigger wants a Content-MD5",
        "trigger.py",
        "recent and marked and blob.content_settings.content_md5",
        "recent and marked",
        (_TRIGGER,),
    ),
    RuleMutation(
        "the trigger wants blobs of 60 days", "trigger.py", "recent and marked and", "marked and", (_TRIGGER,)
    ),
    RuleMutation(
        "a disabled trigger makes no run", "trigger.py", '.lower() == "enabled"', " != 0", (_TRIGGER,)
    ),
    RuleMutation(
        "the trigger takes a blob once",
        "trigger.py",
        'if cloud.store.first_sight(pipeline["id"], blob.name, blob.etag):',
        "if True:",
        (_TRIGGER,),
    ),
    RuleMutation(
        "what was running is taken up again",
        "runs.py",
        "            _start(cloud, id, body)\n\n\ndef stop",
        "            pass\n\n\ndef stop",
        (_SURVIVE,),
    ),
    RuleMutation(
        "a blob that was committed before a crash is the run's own",
        "exporting.py",
        'if md5 and md5 == notes.reached.get("md5"):',
        "if False:",
        (_SURVIVE,),
    ),
    RuleMutation(
        "an import that had ended before a crash is not done again",
        "importing.py",
        'if "digest" not in notes.reached:',
        "if True:",
        (_SURVIVE,),
    ),
)


def main(names: list[str]) -> int:
    """Print for each rule which test missed it; the answer is how many rules nobody missed."""
    chosen = [each for each in MUTANTS if not names or any(name in each.rule for name in names)]
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(Path(folder))
        for mutant in chosen:
            caught = _caught(copy, mutant)
            survived += not caught
            print(f"{mutant.rule}: {caught or 'NO TEST FAILED'}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} rules are held by a test")
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
    """The first test that fails without the rule."""
    file = copy / "sandbox" / "transfer" / mutant.file
    whole = file.read_text()
    assert whole.count(mutant.old) == 1, f"{mutant.rule}: {mutant.old!r} is not there once"
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
