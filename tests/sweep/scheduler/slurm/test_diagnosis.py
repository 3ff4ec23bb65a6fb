"""Tests of the checks of Slurm, with fake commands and recorded output."""

import os
from pathlib import Path
from typing import Any

import pytest

from sweep.definition.slurm_profile import SlurmProfile
from sweep.scheduler.diagnosis import Diagnosis
from sweep.scheduler.slurm.diagnosis import (
    Node,
    Partition,
    check_partition,
    diagnose_slurm,
    parse_nodes,
    parse_partitions,
    requested_partitions,
)
from sweep.scheduler.slurm.queue import NO_ACCOUNTING
from sweep.states import Verdict

# Output of Slurm 22.05, shortened.
PARTITIONS = """\
PartitionName=main AllowAccounts=ALL Default=YES MaxNodes=UNLIMITED MaxTime=UNLIMITED Nodes=n[1-2] State=UP
PartitionName=short AllowAccounts=ALL Default=NO MaxNodes=2 MaxTime=1-12:30:00 Nodes=n[1-2] State=UP
PartitionName=old AllowAccounts=ALL Default=NO MaxNodes=1 MaxTime=00:30:00 Nodes=(null) State=DRAIN
"""
NODES = """\
n1|8|16000|gpu:2|idle
n2|64|512000|gpu:a100:4(S:0-1),shard:8(S:0-1)|down*
n3|16+|32000+|(null)|mixed
"""
MAIN = Partition("main", is_up=True, is_default=True, max_minutes=None, max_nodes=None)
SMALL, LARGE = Node("n1", 8, 16_000, 2, "idle"), Node("n2", 64, 512_000, 4, "mixed")


def profile(**settings: Any) -> SlurmProfile:
    return SlurmProfile.model_validate({"executor": "slurm", "timeout_min": 60, **settings})


def test_parse_partitions() -> None:
    assert parse_partitions(PARTITIONS) == [
        MAIN,
        Partition("short", is_up=True, is_default=False, max_minutes=36 * 60 + 30, max_nodes=2),
        Partition("old", is_up=False, is_default=False, max_minutes=30, max_nodes=1),
    ]


def test_parse_nodes() -> None:
    nodes = parse_nodes(NODES)
    assert nodes == [
        Node("n1", 8, 16_000, 2, "idle"),
        Node("n2", 64, 512_000, 4, "down*"),
        Node("n3", 16, 32_000, 0, "mixed"),
    ]
    assert [node.is_usable for node in nodes] == [True, False, True]


@pytest.mark.parametrize(
    ("requested", "names"),
    [(None, ["main"]), ("short", ["short"]), ("old,main", ["main", "old"]), ("gpuu", [])],
)
def test_partitions_of_a_profile_are_those_it_names_or_the_default(
    requested: str | None, names: list[str]
) -> None:
    assert [each.name for each in requested_partitions(requested, parse_partitions(PARTITIONS))] == names


@pytest.mark.parametrize(
    ("settings", "partition", "nodes", "verdict", "message"),
    [
        (
            {},
            MAIN,
            [SMALL, LARGE],
            Verdict.OK,
            "2 of its 2 nodes have the requested resources; no time limit",
        ),
        ({"gres": "gpu:4"}, MAIN, [SMALL, LARGE], Verdict.OK, "1 of its 2 nodes"),
        ({"timeout_min": 60}, MAIN._replace(max_minutes=60), [SMALL], Verdict.OK, "time limit 60 min"),
        (
            {"timeout_min": 61},
            MAIN._replace(max_minutes=60),
            [SMALL],
            Verdict.FAILED,
            "requests 61 min, but the limit is 60",
        ),
        (
            {"nodes": 3},
            MAIN._replace(max_nodes=2),
            [SMALL] * 3,
            Verdict.FAILED,
            "requests 3 nodes, but the limit is 2",
        ),
        (
            {"cpus_per_task": 65},
            MAIN,
            [LARGE],
            Verdict.FAILED,
            "0 of its 1 nodes have the requested 65 CPUs, but a job needs 1",
        ),
        ({"mem_gb": 16}, MAIN, [SMALL], Verdict.FAILED, "largest nodes have 8 CPUs, 16 GB, 2 GPUs"),
        ({"mem_gb": 15.5}, MAIN, [SMALL], Verdict.OK, ""),
        ({"gres": "gpu:5"}, MAIN, [SMALL, LARGE], Verdict.FAILED, "1 CPUs, 5 GPUs, but a job needs 1"),
        ({"gpus_per_node": 2, "nodes": 2}, MAIN, [SMALL, LARGE], Verdict.OK, "2 of its 2 nodes"),
        ({"gpus_per_node": 4, "nodes": 2}, MAIN, [SMALL, LARGE], Verdict.FAILED, "4 GPUs, but a job needs 2"),
        ({}, MAIN, [], Verdict.FAILED, "it has no nodes"),
        ({}, MAIN, [SMALL._replace(state="drained")], Verdict.WARNING, "are drained"),
        ({}, MAIN._replace(is_up=False), [SMALL], Verdict.WARNING, "it is not up"),
    ],
)
def test_profile_is_compared_with_a_partition(
    settings: dict[str, Any], partition: Partition, nodes: list[Node], verdict: Verdict, message: str
) -> None:
    (check,) = check_partition(profile(**settings), partition, nodes)
    assert check.verdict is verdict
    assert message in check.found
    assert check.advice or verdict is Verdict.OK


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of fake Slurm commands on the PATH, which answer as on a cluster that works."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    answers = {
        "sbatch": 'case $1 in --version) echo "slurm 22.05.8";; *) echo "sbatch: Job 7 to start" >&2;; esac',
        "squeue": "", "scancel": "", "sacct": "",
        "scontrol": f"case $1 in ping) echo UP;; *) cat <<'.'\n{PARTITIONS}.\n;; esac",
        "sinfo": f"cat <<'.'\n{NODES}.\n",
    }  # fmt: skip
    for name, script in answers.items():
        write_command(tmp_path, name, script)
    return tmp_path


def write_command(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def diagnose() -> dict[str, Diagnosis]:
    return {check.what: check for check in diagnose_slurm(profile(), "#!/bin/sh\n")}


def test_working_cluster_has_no_problems(commands: Path) -> None:
    checks = diagnose()
    assert list(checks) == ["Slurm", "accounting", "partition main", "sbatch"]
    assert {check.verdict for check in checks.values()} == {Verdict.OK}
    assert checks["sbatch"].found == "Slurm accepts a trial's job: Job 7 to start"


def test_missing_commands_are_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = diagnose_slurm(profile(), "")
    assert check.verdict is Verdict.FAILED
    assert check.found == "this machine has no sbatch, squeue, sacct, scontrol, scancel, sinfo"


@pytest.mark.parametrize(
    ("command", "script", "what", "verdict", "message"),
    [
        ("scontrol", "echo DOWN; exit 1", "Slurm", Verdict.FAILED, "its controller does not answer: DOWN"),
        ("sacct", f"echo {NO_ACCOUNTING}; exit 1", "accounting", Verdict.WARNING, "has no accounting"),
        ("sacct", "echo down >&2; exit 1", "accounting", Verdict.WARNING, "does not answer: down"),
        ("sbatch", "echo 'sbatch: error: no' >&2; exit 1", "sbatch", Verdict.FAILED, "rejects a trial's job"),
    ],
)  # fmt: skip
def test_failing_command_is_reported(
    commands: Path, command: str, script: str, what: str, verdict: Verdict, message: str
) -> None:
    write_command(commands, command, script)
    check = diagnose()[what]
    assert check.verdict is verdict
    assert message in check.found
    assert check.advice
