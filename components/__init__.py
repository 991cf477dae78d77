"""Pulumi components that transfer container images between registries, for any Pulumi language."""

from .pipelines.pipeline import ExportPipeline, ExportPipelineArgs, ImportPipeline, ImportPipelineArgs
from .pipelines.runs import PipelineRuns, PipelineRunsArgs
from .sas import SasSecret, SasSecretArgs
from .source_side import SourceSide, SourceSideArgs
from .storage import Storage, StorageArgs
from .target_side import TargetSide, TargetSideArgs
from .vault import Vault, VaultArgs

HOSTED = [ExportPipeline, ImportPipeline, PipelineRuns, SasSecret, SourceSide, Storage, TargetSide, Vault]
"""The components of the hosted package."""

__all__ = [
    "HOSTED",
    "ExportPipeline",
    "ExportPipelineArgs",
    "ImportPipeline",
    "ImportPipelineArgs",
    "PipelineRuns",
    "PipelineRunsArgs",
    "SasSecret",
    "SasSecretArgs",
    "SourceSide",
    "SourceSideArgs",
    "Storage",
    "StorageArgs",
    "TargetSide",
    "TargetSideArgs",
    "Vault",
    "VaultArgs",
]
