"""The limits of ACR Transfer and Azure, and those of this product."""

from datetime import timedelta

ARTIFACTS_PER_RUN = 50
"""The largest number of artifacts in one export run.

https://learn.microsoft.com/azure/container-registry/container-registry-transfer-images
"""

BLOCKS = 50_000
"""The largest number of blocks in a blob.

https://learn.microsoft.com/azure/storage/blobs/scalability-targets
"""

BLOCK_BYTES = 100 * 1024**2
"""The largest block that a copy uses: the service takes larger ones, and each is held in memory."""

RUN_LIMIT = timedelta(hours=2)
"""The longest time that a run may take: azure-native waits that long for an operation by default."""

ROLE_DELAY = timedelta(minutes=10)
"""The longest time until Azure applies a new role assignment.

https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---role-assignment-changes-are-not-being-detected
"""

TRIGGER_AGE = timedelta(days=60)
"""A source trigger ignores blobs that changed before this time."""

CLOCK_SKEW = timedelta(minutes=5)
"""The difference between two clocks that sign-in and SAS tokens tolerate."""
