"""The checks of `sweep doctor` on this machine."""

from collections import namedtuple
from pathlib import Path

import pytest

from sweep.definition.cluster import load_profile
from sweep.definition.study import load_study
from sweep.operations import doctor
from sweep.operations.doctor import LaunchConditions, diagnose, network_file_system
from sweep.scheduler.diagnosis import Diagnosis
from sweep.states import Verdict
from sweep.storage.database import parse_url

pytestmark = pytest.mark.slow

Mount = namedtuple("Mount", ["mountpoint", "fstype"])

URL = "sqlite:///sweep.db"


def run_checks(
    workplace: Path, profile_name: str = "local", url: str = URL, *overrides: str
) -> dict[str, Diagnosis]:
    """Run all checks, those of the toy study included if there are overrides, and return them by name."""
    study = load_study("toy", overrides) if overrides else None
    chosen = load_profile(Path("cluster.yaml"), profile_name).profile
    conditions = LaunchConditions(chosen, parse_url(url), workplace / "sweeps", workplace, study)
    return {check.what: check for check in diagnose(conditions)}


def verdicts(checks: dict[str, Diagnosis]) -> dict[str, str]:
    return {what: check.verdict.value for what, check in checks.items()}


def test_correct_setup_passes_all_checks(workplace: Path) -> None:
    checks = run_checks(workplace, "local", URL, "trials=1")
    assert verdicts(checks) == dict.fromkeys(
        ["storage", "workdir", "study", "node", "python", "packages", "train"], "ok"
    )
    assert "was complete here" in checks["node"].found
    assert list((workplace / "sweeps").iterdir()) == []
    assert not (workplace / "sweep.db").exists()


def test_check_node_function_of_the_study_is_called_on_the_node(workplace: Path) -> None:
    (workplace / "hooks.py").write_text("def check_node(num_gpus): return f'found {num_gpus} devices'\n")
    checks = run_checks(workplace, "local", URL, "check_node=hooks:check_node")
    assert checks["check_node"].verdict is Verdict.OK
    assert checks["check_node"].found.startswith("found 0 devices on ")


def test_error_of_the_check_node_function_fails_the_check(workplace: Path) -> None:
    (workplace / "hooks.py").write_text("def check_node(num_gpus): raise RuntimeError('no framework')\n")
    check = run_checks(workplace, "local", URL, "check_node=hooks:check_node")["check_node"]
    assert check.verdict is Verdict.FAILED
    assert check.found.endswith("RuntimeError: no framework")


def test_inline_profile_has_no_node_to_check(workplace: Path) -> None:
    assert verdicts(run_checks(workplace, "inline")) == dict.fromkeys(["storage", "workdir", "node"], "ok")


@pytest.mark.parametrize(
    ("what", "url", "overrides", "message"),
    [
        ("storage", "sqlite:///no/folder/sweep.db", [], "there is no folder"),
        ("storage", "postgresql://me:secret@127.0.0.1:1/x", [], "me:***@127.0.0.1:1/x cannot be opened"),
        ("study", URL, ["train=toy_model:no_such"], "has no function no_such"),
        (
            "study",
            URL,
            ["prepare=toy_model:prepare", "dataset=missing"],
            "is not ready: no such data",
        ),
    ],
)
def test_failed_check_prevents_the_job(
    workplace: Path, what: str, url: str, overrides: list[str], message: str
) -> None:
    checks = run_checks(workplace, "local", url, *overrides)
    assert checks[what].verdict is Verdict.FAILED
    assert message in checks[what].found
    assert checks["node"].found == "not checked, because no job can run"


def test_workdir_that_is_a_file_fails(workplace: Path) -> None:
    (workplace / "sweeps").write_text("a file")
    assert run_checks(workplace)["workdir"].verdict is Verdict.FAILED


def test_sqlite_on_a_network_disk_is_a_warning(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [Mount("/", "ext4"), Mount(str(workplace), "nfs4"), Mount(str(workplace / "sweeps"), "ext4")]
    monkeypatch.setattr(doctor.psutil, "disk_partitions", lambda all: mounts)
    assert network_file_system(workplace / "sweep.db") == "nfs4"
    assert network_file_system(workplace / "sweeps" / "sweep.db") is None
    check = run_checks(workplace, "inline")["storage"]
    assert (check.verdict, "(nfs4)" in check.found, "PostgreSQL" in check.advice) == (
        Verdict.WARNING,
        True,
        True,
    )
