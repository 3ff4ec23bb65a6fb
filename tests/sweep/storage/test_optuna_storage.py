"""Optuna's private API and table layout, as `optuna_storage` and `optuna_queries` rely on them.

A failure here names what an Optuna release changed. Adapt the two modules, then widen the version range in
pyproject.toml.
"""

import ast
import importlib
import inspect
import math
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from packaging.requirements import Requirement
from packaging.version import Version
from sqlalchemy import URL, make_url

ROOT = Path(__file__).parents[3]


@contextmanager
def relied_on(what: str) -> Iterator[None]:
    """Turn any failure into a message that names what Optuna changed."""
    try:
        yield
    except Exception as error:
        pytest.fail(
            f"Optuna {optuna.__version__} changed {what}, which sweep.storage.optuna_storage relies on "
            f"({type(error).__name__}: {error})"
        )


@pytest.fixture
def module() -> ModuleType:
    with relied_on("its private modules"):
        return importlib.import_module("sweep.storage.optuna_storage")


@pytest.fixture
def url(tmp_path: Path) -> URL:
    return make_url(f"sqlite:///{tmp_path}/optuna.db")


@pytest.fixture
def storage(module: ModuleType, url: URL) -> Iterator[Any]:
    with module.optuna_storage(url) as storage:
        yield storage


def test_version_range_admits_only_the_tested_minor_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (requirement,) = (each for each in map(Requirement, project["dependencies"]) if each.name == "optuna")
    installed = Version(optuna.__version__)
    assert installed in requirement.specifier
    for other in (f"{installed.major}.{installed.minor + 1}.0", f"{installed.major + 1}.0.0"):
        assert Version(other) not in requirement.specifier


@pytest.mark.parametrize(
    ("module_name", "name"),
    [
        ("optuna._typing", "JSONSerializable"),
        ("optuna.storages._cached_storage", "_CachedStorage"),
        ("optuna.study._multi_objective", "_fast_non_domination_rank"),
        ("optuna.study._multi_objective", "_get_pareto_front_trials_by_trials"),
        ("optuna.study._multi_objective", "_is_pareto_front"),
        ("optuna.visualization._hypervolume_history", "_get_hypervolume_history_info"),
        ("optuna.storages._rdb.models", "TrialModel"),
    ],
)
def test_private_names_exist(module_name: str, name: str) -> None:
    with relied_on(f"{module_name}.{name}"):
        assert hasattr(importlib.import_module(module_name), name)


@pytest.mark.parametrize(
    ("class_name", "method", "parameters"),
    [
        ("_CachedStorage", "__init__", ["backend"]),
        ("_CachedStorage", "_read_trials_from_remote_storage", ["study_id"]),
        ("_CachedStorage", "set_trial_system_attr", ["trial_id", "key", "value"]),
        ("_CachedStorage", "get_best_trial", ["study_id"]),
        ("_CachedStorage", "get_trial_id_from_study_id_trial_number", ["study_id", "trial_number"]),
        ("RDBStorage", "_get_trials", ["study_id", "states", "included_trial_ids", "trial_id_greater_than"]),
        ("RDBStorage", "get_trial", ["trial_id"]),
        ("RDBStorage", "_build_frozen_trial_from_trial_model", ["trial"]),
        ("RDBStorage", "remove_session", []),
    ],
)
def test_overridden_and_called_methods_have_these_parameters(
    class_name: str, method: str, parameters: list[str]
) -> None:
    with relied_on(f"{class_name}.{method}"):
        cached_storage = importlib.import_module("optuna.storages._cached_storage")
        owner = {"RDBStorage": RDBStorage, "_CachedStorage": cached_storage._CachedStorage}[class_name]
        assert list(inspect.signature(getattr(owner, method)).parameters) == ["self", *parameters]


def test_tables_have_the_columns_that_plain_sql_names() -> None:
    queries = importlib.import_module("sweep.storage.optuna_queries")
    with relied_on("the layout of its tables"):
        models = importlib.import_module("optuna.storages._rdb.models")
        for table in queries.TABLES:
            actual = models.BaseModel.metadata.tables[table.name]
            assert {column.name for column in table.columns} <= {column.name for column in actual.columns}


def test_states_are_stored_by_name() -> None:
    with relied_on("the stored states of trials"):
        models = importlib.import_module("optuna.storages._rdb.models")
        stored = models.TrialModel.__table__.c.state.type.enums
        assert sorted(stored) == sorted(["COMPLETE", "FAIL", "PRUNED", "RUNNING", "WAITING"])


def test_every_state_has_a_name(module: ModuleType) -> None:
    with relied_on("the states of trials"):
        assert set(module.STATES) == set(TrialState)


def test_trials_have_the_parts_that_are_read_as_rows(module: ModuleType) -> None:
    with relied_on("the relationships of models.TrialModel"):
        relationships = sqlalchemy.inspect(module.models.TrialModel).relationships
        parts = {each.key: each.entity.local_table for each in relationships if each.uselist}
        assert {name: table for name, table in parts.items() if name != "heartbeats"} == {**module.PARTS}
        for table in module.PARTS.values():
            assert "trial_id" in table.c


def test_ids_are_those_of_the_storage(module: ModuleType, storage: Any) -> None:
    study = optuna.create_study(study_name="toy", storage=storage)
    trial = study.ask()
    with relied_on("the ids of studies and trials"):
        assert module.optuna_study_id(study) == storage.get_study_id_from_name("toy")
        assert module.optuna_trial_id(trial) == module.optuna_trial_id(study.get_trials()[0])
        assert storage.get_trial(module.optuna_trial_id(trial)).number == trial.number


def test_trials_are_read_once_until_an_attribute_is_stored(
    module: ModuleType, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = optuna.create_study(study_name="toy", storage=storage)
    trial_id = module.optuna_trial_id(study.ask())
    reads = []
    with relied_on("how trials are cached"):
        backend = storage._backend
        read: Callable[..., Any] = backend._get_trials

        def counted(*arguments: Any, **options: Any) -> Any:
            reads.append(1)
            return read(*arguments, **options)

        monkeypatch.setattr(backend, "_get_trials", counted)
        with storage.reading_once():
            study.get_trials()
            study.get_trials()
            assert len(reads) == 1
            storage.set_trial_system_attr(trial_id, "rung", 1)
            assert study.get_trials()[0].system_attrs == {"rung": 1}
            assert len(reads) == 2
        study.get_trials()
        assert len(reads) == 3


@pytest.mark.parametrize("max_ids", [500, 1])
def test_trials_are_read_as_optuna_reads_them(
    module: ModuleType, url: URL, storage: Any, monkeypatch: pytest.MonkeyPatch, max_ids: int
) -> None:
    monkeypatch.setattr(module, "MAX_IDS", max_ids)
    study = optuna.create_study(study_name="toy", storage=storage)
    study.enqueue_trial({"x": 0.5}, user_attrs={"origin": "file"})
    trials = [study.ask() for _ in range(5)]
    for trial in trials:
        trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("kind", ["a", "b"])
        trial.report(math.inf, step=trial.number)
    with relied_on("how trials are read"):
        original = RDBStorage(f"sqlite:///{url.database}")
        study_id = module.optuna_study_id(study)
        for ended in (trials[4], trials[1], trials[0]):
            study.tell(ended, float(ended.number))
            expected = original.get_all_trials(study_id)
            assert study.get_trials() == expected
            assert [storage.get_trial(module.optuna_trial_id(trial)) for trial in trials] == expected
        with pytest.raises(KeyError):
            storage.get_trial(99)
        original.remove_session()
        original.engine.dispose()


def test_states_are_read_without_the_trials(module: ModuleType, storage: Any) -> None:
    study = optuna.create_study(study_name="toy", storage=storage)
    study.tell(study.ask(), 1.0)
    trial = study.ask()
    study.enqueue_trial({"x": 0.5})
    study_id = module.optuna_study_id(study)
    with relied_on("the stored states of trials"):
        ids = storage.ids_by_number(study_id, TrialState.RUNNING)
        assert ids == {trial.number: module.optuna_trial_id(trial)}
        assert storage.ids_by_number(study_id, TrialState.FAIL) == {}
        assert storage.num_proposed(study_id) == 2


@pytest.mark.parametrize(
    ("direction", "values", "best_first"),
    [
        ("maximize", [0.5, 2.0, 1.0, 2.0], [1, 3, 2, 0]),
        ("minimize", [0.5, 2.0, 0.5, 1.0], [0, 2, 3, 1]),
        ("maximize", [1.0, math.inf, None], [0]),
        ("minimize", [-math.inf, 1.0, None], [1]),
    ],
)
def test_best_trial_is_the_first_of_the_best_finite_values(
    module: ModuleType, storage: Any, direction: str, values: list[float | None], best_first: list[int]
) -> None:
    study = optuna.create_study(study_name="toy", storage=storage, direction=direction)
    with relied_on("how the best trial is found"):
        with pytest.raises(ValueError, match="No trials are completed yet"):
            study.best_trial  # noqa: B018
        for value in values:
            trial = study.ask()
            study.tell(trial, value, TrialState.FAIL if value is None else TrialState.COMPLETE)
        assert storage.best_numbers(module.optuna_study_id(study)) == best_first
        assert storage.best_numbers(module.optuna_study_id(study), limit=1) == best_first[:1]
        assert study.best_trial.number == best_first[0]


def test_reopened_trial_is_running_for_a_storage_without_cache(module: ModuleType, storage: Any) -> None:
    queries = importlib.import_module("sweep.storage.optuna_queries")
    study = optuna.create_study(study_name="toy", storage=storage)
    trial = study.ask()
    study.tell(trial, state=TrialState.FAIL)
    assert [each.state for each in study.get_trials()] == [TrialState.FAIL]
    with relied_on("how trials are cached"):
        with storage._backend.engine.begin() as connection:
            connection.execute(queries.reopen(module.optuna_trial_id(trial)))
        study = optuna.load_study(study_name="toy", storage=storage.without_cache())
        assert [each.state for each in study.get_trials()] == [TrialState.RUNNING]
        study.tell(trial.number, 1.0)
        assert study.best_trial.number == trial.number


def test_other_modules_do_not_use_the_private_api() -> None:
    users = {"optuna_storage.py", "pareto.py"}
    files = [
        file
        for file in (ROOT / "sweep").rglob("*.py")
        if file.parent.name != "storage" or file.name not in users
    ]
    assert len(files) > 50
    found = {
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if _is_private(node)
    }
    assert found == set()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from optuna._typing import JSONSerializable", True),
        ("from optuna.storages import _cached_storage", True),
        ("import optuna.storages._rdb.models", True),
        ("trial._trial_id", True),
        ("self.study._study_id", True),
        ("self._study_id", False),
        ("from optuna.storages import RDBStorage", False),
        ("from sweep.storage import _private", False),
    ],
)
def test_private_uses_are_recognized(code: str, expected: bool) -> None:
    assert any(_is_private(node) for node in ast.walk(ast.parse(code))) is expected


def _is_private(node: ast.AST) -> bool:
    """Return whether a syntax node imports or reads a private name of Optuna."""
    match node:
        case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "optuna":
            return any(part.startswith("_") for part in [*module.split("."), *(each.name for each in names)])
        case ast.Import(names=names):
            paths = [each.name.split(".") for each in names]
            return any(path[0] == "optuna" and any(part.startswith("_") for part in path) for path in paths)
        case ast.Attribute(value=ast.Name(id="self")):
            return False
        case ast.Attribute(attr="_trial_id" | "_study_id" | "_storage" | "_backend"):
            return True
    return False
