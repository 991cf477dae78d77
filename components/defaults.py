"""The default of every argument; the program's configuration keys have the same defaults."""

from typing import Final

from acr_transfer.model.limits import ROLE_DELAY
from acr_transfer.model.options import DEFAULT_OPTIONS, Direction, TriggerStatus
from acr_transfer.model.roles import RoleAssignmentMode
from acr_transfer.model.sas import ROTATION_SHARE

from .choices import AccountKey, StorageAccess

CREATE_RESOURCE_GROUP: Final = True
CREATE_REGISTRY: Final = False
REGISTRY_ROLE_ASSIGNMENT_MODE: Final = RoleAssignmentMode.LEGACY
CONTAINER: Final = "transfer"
CREATE_CONTAINER: Final = True
BLOB_RETENTION_DAYS: Final = 60
STORAGE_ACCESS: Final = StorageAccess.SAS_TOKEN
PURGE_PROTECTION: Final = True
PROTECT: Final = False
SAS_KEY: Final = AccountKey.KEY1
SAS_SECRET_NAMES: Final = {Direction.EXPORT: "acrexportsas", Direction.IMPORT: "acrimportsas"}
SAS_WARNING: Final = ROTATION_SHARE
ROLE_WAIT_SECONDS: Final = int(ROLE_DELAY.total_seconds())
CREATE_IDENTITY: Final = False
PIPELINES: Final = {Direction.EXPORT: "exportPipeline", Direction.IMPORT: "importPipeline"}
OPTIONS: Final = DEFAULT_OPTIONS
FORCE_UPDATE_TAG: Final = "1"
MAX_CONCURRENT_RUNS: Final = 10
BLOB_PREFIX: Final = ""
SOURCE_TRIGGER_STATUS: Final = TriggerStatus.ENABLED
