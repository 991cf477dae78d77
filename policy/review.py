"""Review stacks before they are deployed: `.venv/bin/python policy/review.py --help`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from acr_transfer.review.command import main

if __name__ == "__main__":
    sys.exit(main())
