"""The progress of long work, as the steps report it."""


class ProgressReporter:
    """Receives the progress of one step after another, and ignores it; the command line shows it."""

    def begin(self, text: str, total: float, *, of_bytes: bool = False) -> None:
        """Start to count up to `total` items, or bytes."""

    def advance(self, amount: float) -> None:
        """Count `amount` more."""

    def show(self, text: str) -> None:
        """Replace the text."""
