"""What a transfer of container images is made of, for programs in any Pulumi language."""

from .export_pipeline import ExportPipeline, ExportPipelineArgs
from .import_pipeline import ImportPipeline, ImportPipelineArgs
from .runs import PipelineRuns, PipelineRunsArgs
from .sas import SasSecret, SasSecretArgs
from .source_side import SourceSide, SourceSideArgs
from .staging import Staging, StagingArgs
from .storage import Storage, StorageArgs
from .target_side import TargetSide, TargetSideArgs
from .vault import Vault, VaultArgs

HOSTED = [
    ExportPipeline,
    ImportPipeline,
    PipelineRuns,
    SasSecret,
    SourceSide,
    Staging,
    Storage,
    TargetSide,
    Vault,
]
"""The components that other languages can use."""

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
    "Staging",
    "StagingArgs",
    "Storage",
    "StorageArgs",
    "TargetSide",
    "TargetSideArgs",
    "Vault",
    "VaultArgs",
]
