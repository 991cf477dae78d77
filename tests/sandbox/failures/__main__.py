"""Writes docs/failures.md."""

from tests.sandbox.failures.table import PAGE, page

PAGE.write_text(page())
