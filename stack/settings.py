"""What a stack's configuration means, and when it makes no sense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import pulumi

import stack.rules as rules
from components import SourceSideArgs, TargetSideArgs
from components.access import AccountKey, StorageAccess, VaultAccess
from components.artifacts import Artifact
from components.choices import PIPELINE_NAMES, SECRET_NAMES, TriggerStatus
from components.handover import ExportedBlob
from components.prerequisites import SideArgs
from stack.keys import DEFAULTS
from stack.reading import ConfigError, Reading
from stack.rules import NO_OPTIONS, Side

__all__ = ["DEFAULTS", "NO_OPTIONS", "ConfigError", "Settings", "Side"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one stack deploys. Keys of the other side have their defaults, and so have those of no use."""

    side: Side
    resource_group: str
    create_resource_group: bool
    location: str
    registry: str
    registry_resource_group: str
    create_registry: bool
    storage_account: str
    """The one that is there already, by name or resource ID; empty if one is made."""
    container: str
    create_container: bool
    blob_retention_days: int
    storage_access: StorageAccess
    vault: str
    """The one that is there already, by name or resource ID; empty if one is made, or none needed."""
    vault_access: VaultAccess
    purge_protection: bool
    protect: bool
    sas_expiry: str
    """In UTC to the second, such as 2027-01-31T00:00:00Z; empty without a token."""
    sas_key: AccountKey
    sas_secret_name: str
    sas_warning: int
    identity: str
    pipeline: str
    options: tuple[str, ...]
    force_update_tag: str
    max_concurrent_runs: int
    artifacts: tuple[Artifact, ...]
    lock: str
    """The file that pins the artifacts; empty without one."""
    blob_prefix: str
    source_trigger_status: TriggerStatus
    source: str
    handover: str

    @classmethod
    def load(cls, config: pulumi.Config, stack: str, now: datetime | None = None) -> Self:
        """Read the settings of `stack`, or raise one `ConfigError` that lists every fault.

        `now` is the time that an expiry must be after; by default it is the clock's.
        """
        reading = Reading(config, stack)
        side = rules.side_of(reading)
        access = reading.choice("storageAccess", StorageAccess)
        source, handover = rules.source(reading, side)
        direction = (side or Side.SOURCE).direction
        secret, pipeline = SECRET_NAMES[direction], PIPELINE_NAMES[direction]
        settings = cls(
            side=side or Side.SOURCE,
            resource_group=reading.matching("resourceGroup", rules.GROUP, rules.GROUP_RULE, "acr-transfer"),
            create_resource_group=reading.boolean("createResourceGroup"),
            location=reading.matching("location", rules.LOCATION, "a region's name", "westeurope"),
            registry=rules.registry_name(reading),
            registry_resource_group=rules.registry_resource_group(reading),
            create_registry=reading.boolean("createRegistry"),
            storage_account=rules.storage_account(reading),
            container=reading.matching("container", rules.CONTAINER, rules.CONTAINER_RULE, "transfer"),
            create_container=reading.boolean("createContainer"),
            blob_retention_days=reading.integer("blobRetentionDays", 1, 3650),
            storage_access=access,
            vault=rules.vault(reading, access),
            vault_access=reading.choice("vaultAccess", VaultAccess),
            purge_protection=reading.boolean("purgeProtection"),
            protect=reading.boolean("protect"),
            sas_expiry=rules.expiry(reading, access, now or datetime.now(UTC)),
            sas_key=reading.choice("sasKey", AccountKey),
            sas_secret_name=rules.sided(reading, "sasSecretName", secret, rules.SECRET, rules.SECRET_RULE),
            sas_warning=reading.integer("sasWarning", 0, 99),
            identity=rules.identity(reading),
            pipeline=rules.sided(reading, "pipeline", pipeline, rules.ACR_NAME, rules.ACR_RULE),
            options=rules.options(reading, side),
            force_update_tag=reading.matching("forceUpdateTag", "(?s).+", "some text", "1"),
            max_concurrent_runs=reading.integer("maxConcurrentRuns", 1, 1000),
            artifacts=rules.artifacts(reading, side),
            lock=reading.path("lock"),
            blob_prefix=rules.blob_prefix(reading, side),
            source_trigger_status=rules.trigger(reading, side),
            source=source,
            handover=handover,
        )
        rules.refuse_foreign_keys(reading, side)
        reading.refuse_unknown_keys()
        if reading.faults:
            raise ConfigError(list(dict.fromkeys(reading.faults)))
        return settings

    @property
    def makes_imports(self) -> bool:
        """Whether the stack itself imports blobs, as no trigger does."""
        return self.side is Side.TARGET and self.source_trigger_status is TriggerStatus.DISABLED

    def source_args(self) -> SourceSideArgs:
        """What a source side is made of."""
        return {
            **self._common(),
            "pipeline_name": self.pipeline,
            "options": list(self.options),
            "force_update_tag": self.force_update_tag,
            "max_concurrent_runs": self.max_concurrent_runs,
            "artifacts": [] if self.lock else [artifact.reference for artifact in self.artifacts],
            "lock": self.lock,
            "blob_prefix": self.blob_prefix,
        }

    def target_args(self, blobs: list[ExportedBlob]) -> TargetSideArgs:
        """What a target side is made of, for the blobs that were exported."""
        return {
            **self._common(),
            "pipeline_name": self.pipeline,
            "options": list(self.options),
            "force_update_tag": self.force_update_tag,
            "max_concurrent_runs": self.max_concurrent_runs,
            "source_trigger_status": self.source_trigger_status,
            "blobs": blobs,
        }

    def _common(self) -> SideArgs:
        return {
            "resource_group_name": self.resource_group,
            "create_resource_group": self.create_resource_group,
            "location": self.location,
            "registry_name": self.registry,
            "registry_resource_group_name": self.registry_resource_group,
            "create_registry": self.create_registry,
            "storage_account": self.storage_account,
            "container_name": self.container,
            "create_container": self.create_container,
            "blob_retention_days": self.blob_retention_days,
            "storage_access": self.storage_access,
            "vault": self.vault,
            "vault_access": self.vault_access,
            "purge_protection": self.purge_protection,
            "protect": self.protect,
            "sas_expiry": self.sas_expiry,
            "sas_key": self.sas_key,
            "sas_secret_name": self.sas_secret_name,
            "sas_warned_share": self.sas_warning,
            "identity": self.identity,
        }
