"""The limits of ACR Transfer and Azure, and those of this product."""

from datetime import timedelta

ARTIFACTS_PER_RUN = 50
"""The largest number of artifacts in one export run.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

RUN_LIMIT = timedelta(hours=2)
"""The longest time that a run may take: azure-native waits that long for an operation by default."""

TRIGGER_AGE = timedelta(days=60)
"""A source trigger ignores blobs that changed before this time."""

CLOCK_SKEW = timedelta(minutes=5)
"""The difference between two clocks that sign-in and SAS tokens tolerate."""
