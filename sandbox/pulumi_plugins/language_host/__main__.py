"""A language host for Python, for machines without the vendor's `pulumi-language-python`.

The engine starts it, reads its port from standard output, and calls it to run programs and plugins
(https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto).
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.pulumi_plugins.protocol import plugin_server

_ERROR_SHOWN = 32
"""The exit code of a program whose error the engine has already shown."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs and plugins for the engine."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._processes = set[subprocess.Popen[bytes]]()
        """The programs and plugins that are running."""

    def stop(self) -> None:
        """Kill all programs and plugins."""
        for process in list(self._processes):
            process.kill()

    @contextmanager
    def _started(self, process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
        self._processes.add(process)
        try:
            yield process
        finally:
            self._processes.discard(process)

    def Handshake(self, request, context):  # type: ignore[no-untyped-def]
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request, context):  # type: ignore[no-untyped-def]
        return plugin_pb2.PluginInfo(version="1.0.0")

    def GetRequiredPackages(self, request, context):  # type: ignore[no-untyped-def]
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request, context):  # type: ignore[no-untyped-def]
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request, context):  # type: ignore[no-untyped-def]
        return language_pb2.GetProgramDependenciesResponse()

    def RuntimeOptionsPrompts(self, request, context):  # type: ignore[no-untyped-def]
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request, context):  # type: ignore[no-untyped-def]
        version = ".".join(map(str, sys.version_info[:3]))
        return language_pb2.AboutResponse(executable=sys.executable, version=version)

    def Cancel(self, request, context):  # type: ignore[no-untyped-def]
        return empty_pb2.Empty()

    def InstallDependencies(self, request, context):  # type: ignore[no-untyped-def]
        yield language_pb2.InstallDependenciesResponse(stdout=b"Run `make install`.\n")

    def Run(self, request, context):  # type: ignore[no-untyped-def]
        """Run a program in its own process, with this process's output streams."""
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "program": str(Path(request.info.program_directory) / (request.info.entry_point or ".")),
            "arguments": list(request.args),
        }
        # The configuration can contain secrets, so it is passed on standard input, not as an argument.
        program = subprocess.Popen(
            [_python(request.info), "-u", str(Path(__file__).with_name("run_program.py"))],
            stdin=subprocess.PIPE,
            cwd=request.pwd,
            # The program imports from its own folder and virtual environment.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        with self._started(program):
            program.communicate(json.dumps(settings).encode())
        if program.returncode in (0, _ERROR_SHOWN):
            return language_pb2.RunResponse(bail=program.returncode == _ERROR_SHOWN)
        return language_pb2.RunResponse(error=f"Program exited with code {program.returncode}")

    def RunPlugin(self, request, context):  # type: ignore[no-untyped-def]
        """Run a plugin written in Python: a policy pack, or a provider such as the hosted components."""
        directory = request.info.program_directory or request.program
        module = ["-m", "pulumi.policy", *request.args, directory]
        arguments = module if request.kind == "analyzer" else [directory, *request.args]
        process = subprocess.Popen(
            [_python(request.info), "-u", *arguments],
            cwd=directory if request.kind == "analyzer" else request.pwd,
            env={**os.environ, **dict(entry.split("=", 1) for entry in request.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.terminate)
        with self._started(process):
            yield from _output(process)
            yield language_pb2.RunPluginResponse(exitcode=process.wait())


def _output(process: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """Standard output as it arrives, then standard error, on which a plugin writes little."""
    errors: list[bytes] = []
    assert process.stdout
    assert process.stderr
    stderr = process.stderr
    reader = threading.Thread(target=lambda: errors.extend(stderr), daemon=True)
    reader.start()
    for line in process.stdout:
        yield language_pb2.RunPluginResponse(stdout=line)
    reader.join()
    for line in errors:
        yield language_pb2.RunPluginResponse(stderr=line)


def _python(info: language_pb2.ProgramInfo) -> str:
    """The interpreter of the virtual environment in `runtime.options.virtualenv`, or this one."""
    options = json_format.MessageToDict(info.options)
    if not options.get("virtualenv"):
        return sys.executable
    return str(Path(info.root_directory) / str(options["virtualenv"]) / "bin" / "python")


def main() -> None:
    """Serve until the engine stops the host."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    host = LanguageHost(addresses[0] if addresses else "")
    register = language_pb2_grpc.add_LanguageRuntimeServicer_to_server
    plugin_server.serve(lambda server: register(host, server), threads=16, stop=host.stop)


if __name__ == "__main__":
    main()
