"""What happens to a healthy pair of stacks: people change it, delete parts of it, or kill its processes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from sandbox import lifecycle
from tests.walks.world import World

Apply = Callable[[World, random.Random], None]

CHANGES: dict[str, Apply] = {}
"""Every change by its name."""

SIDES = ("source", "target")


def change(apply: Apply) -> Apply:
    """Add a change to the table."""
    CHANGES[apply.__name__.replace("_", " ")] = apply
    return apply


# The user's own changes


@change
def a_new_tag_is_listed(world: World, chance: random.Random) -> None:
    world.push()
    world.list_artifacts()


@change
def a_tag_is_listed_no_more(world: World, chance: random.Random) -> None:
    if len(world.listed) > 1:
        world.listed.remove(chance.choice(world.listed))
        world.list_artifacts()


@change
def a_tag_moves_at_the_source(world: World, chance: random.Random) -> None:
    world.push(chance.choice(world.listed))


@change
def the_tag_of_the_runs_changes(world: World, chance: random.Random) -> None:
    world.configure("source", forceUpdateTag=f"walk-{world.next()}")


@change
def the_trigger_is_switched(world: World, chance: random.Random) -> None:
    enabled = world.value("target", "sourceTriggerStatus", "Enabled") == "Enabled"
    world.configure("target", sourceTriggerStatus="Disabled" if enabled else "Enabled")


@change
def the_container_is_renamed(world: World, chance: random.Random) -> None:
    world.configure(chance.choice(SIDES), container=f"walk{world.next()}")


@change
def the_pipeline_is_renamed(world: World, chance: random.Random) -> None:
    world.configure(chance.choice(SIDES), pipeline=f"walk{world.next()}pipeline")


@change
def the_options_change(world: World, chance: random.Random) -> None:
    side = chance.choice(SIDES)
    sets = {
        "source": (["OverwriteBlobs"], []),
        "target": (["OverwriteTags"], ["OverwriteTags", "DeleteSourceBlobOnSuccess"], []),
    }[side]
    world.configure(side, options=chance.choice(sets))


@change
def the_token_ends_later(world: World, chance: random.Random) -> None:
    world.configure(chance.choice(SIDES), sasExpiry=f"{2100 + world.next()}-01-01T00:00:00Z")


@change
def the_other_key_signs(world: World, chance: random.Random) -> None:
    world.configure(chance.choice(SIDES), sasKey=chance.choice(("key1", "key2")))


@change
def the_stack_is_refreshed(world: World, chance: random.Random) -> None:
    world.project.run("pulumi", "refresh", "--stack", chance.choice(SIDES), "--yes", "--skip-preview")


@change
def a_stack_is_destroyed(world: World, chance: random.Random) -> None:
    side = chance.choice(SIDES)
    # As README says: Azure may refuse to delete a pipeline that runs of its trigger name.
    world.project.run("acr-transfer", "clean", "--older-than", "0", "--all-runs", "--yes", "--side", side)
    world.project.run("pulumi", "destroy", "--stack", side, "--yes", "--skip-preview")


# Behind Pulumi's back


@change
def the_container_is_deleted(world: World, chance: random.Random) -> None:
    world.delete(chance.choice(SIDES), "azure-native:storage:BlobContainer")


@change
def the_pipeline_is_deleted(world: World, chance: random.Random) -> None:
    side, kind = chance.choice((("source", "ExportPipeline"), ("target", "ImportPipeline")))
    world.delete(side, f"azure-native:containerregistry:{kind}")


@change
def the_record_of_a_run_is_deleted(world: World, chance: random.Random) -> None:
    world.delete("source", "azure-native:containerregistry:PipelineRun")


@change
def the_secret_is_deleted(world: World, chance: random.Random) -> None:
    world.with_secret(chance.choice(SIDES), lambda secrets, name: secrets.delete(name))


@change
def the_secret_is_disabled(world: World, chance: random.Random) -> None:
    disabled = {"attributes": {"enabled": False}}
    world.with_secret(chance.choice(SIDES), lambda secrets, name: secrets.update(name, "", disabled, None))


@change
def the_vault_is_deleted(world: World, chance: random.Random) -> None:
    world.delete(chance.choice(SIDES), "azure-native:keyvault:Vault")


@change
def the_account_is_deleted(world: World, chance: random.Random) -> None:
    world.delete(chance.choice(SIDES), "azure-native:storage:StorageAccount")


@change
def the_keys_are_rotated(world: World, chance: random.Random) -> None:
    side = chance.choice(SIDES)
    account = world.resource_name(side, "azure-native:storage:StorageAccount")
    for key in chance.choice((("key1",), ("key1", "key2"))):
        world.group(side).roll(account, key)


@change
def the_account_gets_a_firewall(world: World, chance: random.Random) -> None:
    side = chance.choice(SIDES)
    world.close_account(side)


@change
def a_tag_is_purged_at_the_target(world: World, chance: random.Random) -> None:
    world.purge("target", chance.choice(world.listed))


@change
def a_tag_is_overwritten_at_the_target(world: World, chance: random.Random) -> None:
    world.move("target", chance.choice(world.listed))


# Killed processes


@change
def the_engine_is_killed(world: World, chance: random.Random) -> None:
    side = chance.choice(SIDES)
    world.configure("source", forceUpdateTag=f"walk-{world.next()}")
    _kill_during(world, chance, _engine, "pulumi", "up", "--stack", side, "--yes", "--skip-preview")


@change
def the_program_is_killed(world: World, chance: random.Random) -> None:
    world.push()
    world.list_artifacts()
    line = ("pulumi", "up", "--stack", "source", "--yes", "--skip-preview")
    _kill_during(world, chance, _child("__main__.py"), *line)


@change
def the_provider_is_killed(world: World, chance: random.Random) -> None:
    world.push()
    world.list_artifacts()
    line = ("pulumi", "up", "--stack", "source", "--yes", "--skip-preview")
    _kill_during(world, chance, _child("azure_native"), *line)


@change
def hop_is_killed(world: World, chance: random.Random) -> None:
    world.configure("source", forceUpdateTag=f"walk-{world.next()}")
    world.project.attempt("pulumi", "up", "--stack", "source", "--yes", "--skip-preview")
    _kill_during(world, chance, _engine, "acr-transfer", "hop", "--source", "source", "--target", "target")


@change
def the_sandbox_is_killed(world: World, chance: random.Random) -> None:
    found = lifecycle.running(world.paths)
    assert found
    server = psutil.Process(found["process"])
    parts = [each for each in server.children(recursive=True) if each.name() in ("node", "registry")]
    for process in chance.choice(([server], [server, *parts])):
        # The server's end may be that of its parts too.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(30)
    world.restart()


Choose = Callable[["psutil.Popen"], "psutil.Process | None"]


@dataclass(frozen=True)
class _Child:
    """Chooses the process below an engine whose command line has a word."""

    word: str

    def __call__(self, engine: psutil.Popen) -> psutil.Process | None:
        for process in engine.children(recursive=True):
            try:
                if any(self.word in each for each in process.cmdline()):
                    return process
            except psutil.Error:
                continue
        return None


_child = _Child


def _engine(engine: psutil.Popen) -> psutil.Process:
    return engine


def _kill_during(world: World, chance: random.Random, victim: Choose, *line: str) -> None:
    """Start a command and kill one of its processes at a random moment."""
    started = psutil.Popen(
        line,
        cwd=world.project.folder,
        env=world.project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + chance.uniform(0.3, 6)
    while time.monotonic() < end and started.poll() is None:
        time.sleep(0.05)
    if started.poll() is None and (process := victim(started)):
        os.kill(process.pid, signal.SIGKILL)
    started.wait(120)
