"""Writes docs/failures.md anew."""

from tests.sandbox.failures.table import PAGE, page

PAGE.write_text(page())
