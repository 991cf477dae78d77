"""Review stacks before they are deployed: `.venv/bin/python policy/review.py --help`."""

import sys

from acr_transfer_review.command import main

if __name__ == "__main__":
    sys.exit(main())
