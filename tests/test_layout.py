"""Imports point one way: down this list. A new module has to be given its place here."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Top to bottom: a module imports modules below its own line only, or of its own line's package where
# the line is a package.
SWEEP = [
    "sweep.__main__",
    "sweep.cli",
    "sweep.reporting.report",
    "sweep.reporting.dashboard",
    "sweep.reporting.status",
    "sweep.reporting.reproduction",
    "sweep.reporting.png",
    "sweep.reporting.document",
    "sweep.reporting.comparison",
    "sweep.reporting.exports",
    "sweep.reporting.page",
    "sweep.reporting.repeat",
    "sweep.reporting.standing",
    "sweep.reporting.trial_files",
    "sweep.reporting.findings",
    "sweep.reporting.sections",
    "sweep.reporting.summary",
    "sweep.reporting.figures",
    "sweep.reporting.evaluation",
    "sweep.reporting.table",
    "sweep.reporting.params",
    "sweep.reporting.ranking",
    "sweep.reporting.passwords",
    "sweep.reporting.wording",
    "sweep.execution.reproduction.reproduce",
    "sweep.execution.reproduction.agreement",
    "sweep.execution.doctor.checkup",
    "sweep.execution.doctor.node_checks",
    "sweep.execution.logs",
    "sweep.execution.rehearsal",
    "sweep.execution.evaluation",
    "sweep.execution.stopping",
    "sweep.execution.launch",
    "sweep.execution.launcher",
    "sweep.execution.summary",
    "sweep.execution.executors",
    "sweep.execution.slurm.checks",
    "sweep.execution.doctor.check",
    "sweep.execution.reproduction.differences",
    "sweep.execution.slurm.executor",
    "sweep.execution.slurm.launcher_job",
    "sweep.execution.slurm.queue",
    "sweep.execution.reconcile",
    "sweep.execution.exhibit",
    "sweep.execution.curves_svg",
    "sweep.execution.submission",
    "sweep.execution.proposals",
    "sweep.execution.preflight",
    "sweep.execution.provenance",
    "sweep.execution.ingest",
    "sweep.execution.outage",
    "sweep.execution.requests",
    "sweep.execution.decide",
    "sweep.execution.retries",
    "sweep.execution.budget",
    "sweep.execution.jobs",
    "sweep.execution.doctor.probe",
    "sweep.execution.worker",
    "sweep.execution.trial",
    "sweep.storage.reading",
    "sweep.storage.study_data",
    "sweep.storage.optuna_tables",
    "sweep.storage.lease",
    "sweep.storage.records",
    "sweep.storage.optuna_sql",
    "sweep.storage.migrations",
    "sweep.storage.database",
    "sweep.storage.tables",
    "sweep.definition.schema",
    "sweep.definition.study",
    "sweep.definition.cluster",
    "sweep.definition.sampler",
    "sweep.definition.pruner",
    "sweep.definition.space",
    "sweep.definition.settings_file",
    "sweep.definition.override",
    "sweep.definition.mistake",
    "sweep.definition.settings",
    "sweep.definition.yaml_text",
    "sweep.errors",
    "sweep.passwords",
    "sweep",
]


def modules(package: str) -> dict[str, Path]:
    paths = (ROOT / package).rglob("*.py")
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def imported(path: Path) -> set[str]:
    """Every module a file imports, anywhere in it; a name imported from a package may be a module."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(module: str) -> int | None:
    """The line a module stands on, its own or its package's."""
    while module:
        if module in SWEEP:
            return SWEEP.index(module)
        module = module.rpartition(".")[0]
    return None


EMPTY_PACKAGES = {
    "sweep.definition", "sweep.execution", "sweep.execution.doctor", "sweep.execution.reproduction",
    "sweep.execution.slurm", "sweep.storage", "sweep.reporting",
}  # fmt: skip


@pytest.mark.parametrize("module", sorted(set(modules("sweep")) - EMPTY_PACKAGES))
def test_imports_point_down(module: str) -> None:
    own = place(module)
    assert own is not None
    assert SWEEP[own] != "sweep" or module == "sweep", f"{module} has no place in this list"
    known = modules("sweep")
    for other in imported(known[module]):
        if other in known and other not in EMPTY_PACKAGES and other != "sweep":
            line = place(other)
            assert line is not None
            assert line > own or SWEEP[line] == SWEEP[own], f"{module} imports {other}, which is above it"


def test_no_line_of_the_list_is_left_behind() -> None:
    assert [
        line
        for line in SWEEP
        if line not in modules("sweep") and not (ROOT / line.replace(".", "/")).is_dir()
    ] == []
    assert all(one != other for one, other in pairwise(sorted(SWEEP)))


@pytest.mark.parametrize(
    ("package", "strangers"),
    [
        ("sweep", {"tensorflow", "keras", "capsmodel", "sklearn"}),
        ("capsmodel", {"sweep", "optuna", "submitit"}),
    ],
)
def test_the_orchestrator_and_the_model_do_not_know_each_other(package: str, strangers: set[str]) -> None:
    for module, path in modules(package).items():
        roots = {name.partition(".")[0] for name in imported(path)}
        assert not roots & strangers, module


def test_only_the_command_line_prints_or_exits() -> None:
    for module, path in modules("sweep").items():
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert (
            not calls & {"print", "exit", "quit"}
            or module.startswith("sweep.cli")
            or module == "sweep.definition.schema"
        ), module


def test_files_hold_one_concept() -> None:
    long = {module: len(path.read_text().splitlines()) for module, path in modules("sweep").items()}
    assert {module: length for module, length in long.items() if length > 370} == {}
