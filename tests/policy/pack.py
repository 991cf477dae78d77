"""The pack as the engine runs it: a separate process with a gRPC service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

SECRET_MARK = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""The engine's mark of a secret value:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go"""

LEVELS = {"advisory": 0, "mandatory": 1, "disabled": 2, "remediate": 3}


@contextmanager
def served(folder: Path) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """Run the pack in a folder until the end of the block."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(folder)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.terminate()


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(dict(values))
    return made


def secret(value: Any) -> dict[str, Any]:
    """A secret value in the form in which the engine sends it to a remediation."""
    return {**SECRET_MARK, "value": value}


def configure(pack: analyzer_pb2_grpc.AnalyzerStub, **rules: tuple[str, Mapping[str, Any]]) -> None:
    """Set the level and settings of rules, named with underscores; disable all others."""
    config = {each.name: analyzer_pb2.PolicyConfig(enforcementLevel=2) for each in info(pack).policies}  # type: ignore[arg-type]
    for name, (level, settings) in rules.items():
        config[name.replace("_", "-")] = analyzer_pb2.PolicyConfig(
            enforcementLevel=LEVELS[level],  # type: ignore[arg-type]
            properties=struct(settings),
        )
    pack.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))


def info(pack: analyzer_pb2_grpc.AnalyzerStub) -> analyzer_pb2.AnalyzerInfo:
    answer: analyzer_pb2.AnalyzerInfo = pack.GetAnalyzerInfo(empty_pb2.Empty())
    return answer
