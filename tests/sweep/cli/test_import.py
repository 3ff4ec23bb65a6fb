"""The command `sweep import`."""

from pathlib import Path

import optuna
import pytest

from sweep.definition.study import load_study
from sweep.storage.study_reader import study_data
from tests.sweep.cli.conftest import Sweep

FOREIGN = "sqlite:///foreign.db"
OBJECTIVE = """
def objective(trial):
    return trial.suggest_float("x", 0.0, 2.0) + trial.suggest_int("size", 1, 3)
"""


def suggest(trial: optuna.Trial) -> float:
    x, size = trial.suggest_float("x", 0.0, 2.0), trial.suggest_int("size", 1, 3)
    trial.report(x, 0)
    if trial.number == 2:
        raise optuna.TrialPruned
    trial.report(x + size, 1)
    return x + size


@pytest.fixture
def foreign(workplace: Path) -> optuna.Study:
    """Return a study of plain Optuna in another database: complete trials, a pruned and an active one."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=FOREIGN, study_name="foreign", direction="maximize", sampler=sampler)
    study.optimize(suggest, n_trials=4)
    study.ask()
    (workplace / "my_module.py").write_text(OBJECTIVE)
    return study


def imported(sweep: Sweep) -> None:
    command = ("import", "--study", "foreign", "--from", FOREIGN)
    first, second = sweep(*command), sweep(*command)
    assert first.code == second.code == 0, first.err + second.err
    assert "wrote studies/foreign.yaml; review it" in first.out
    assert "imported 4 trials of study foreign" in second.out
    assert "not imported: 1 trial that had not ended" in second.out


def test_study_is_imported_for_reporting(workplace: Path, sweep: Sweep, foreign: optuna.Study) -> None:
    imported(sweep)
    study = load_study("foreign")
    assert str(study.space["x"]) == "a number from 0.0 to 2.0"
    assert str(study.space["size"]) == "an integer from 1 to 3"
    data = study_data("foreign")
    assert data.trials["state"].tolist() == ["complete", "complete", "pruned", "complete"]
    assert data.trials["value"].dropna().tolist() == [
        t.value for t in foreign.trials if t.number in {0, 1, 3}
    ]
    assert data.epochs["epoch"].tolist() == [1, 2, 1, 2, 1, 1, 2]
    assert sweep("report", "--study", "foreign").code == 0
    assert "3 complete" in sweep("status", "--study", "foreign").out
    assert sweep("logs", "--study", "foreign", "--trial", "0").code == 0


def test_imported_study_is_continued(workplace: Path, sweep: Sweep, foreign: optuna.Study) -> None:
    imported(sweep)
    result = sweep("launch", "--study", "foreign", "--trials", "6", "--cluster", "inline")
    assert result.code == 0, result.err
    assert study_data("foreign").trials["state"].tolist()[4:] == ["complete"] * 2
    again = sweep("import", "--study", "foreign", "--from", FOREIGN)
    assert again.code == 2
    assert "has been imported and continued since" in again.err


def test_interrupted_import_is_finished(
    workplace: Path, sweep: Sweep, foreign: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("import", "--study", "foreign", "--from", FOREIGN)
    sweep(*command)
    original, num_added = optuna.Study.add_trial, 0

    def add_two(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        nonlocal num_added
        original(study, trial)
        num_added += 1
        if num_added == 2:
            raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "add_trial", add_two)
        with pytest.raises(RuntimeError):
            sweep(*command)
    assert "imported 2 trials" in sweep(*command).out
    assert len(study_data("foreign").trials) == 4
    assert "imported 0 trials" in sweep(*command).out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("--from", "sqlite:///none.db"), "there is no database"),
        (("--from", FOREIGN, "--optuna-study", "foreigner"), 'did you mean "foreign"?'),
    ],
)
def test_source_must_exist(
    workplace: Path, sweep: Sweep, foreign: optuna.Study, command: tuple[str, ...], message: str
) -> None:
    result = sweep("import", "--study", "foreign", *command)
    assert result.code == 2
    assert message in result.err


def test_trials_must_fit_the_study_file(workplace: Path, sweep: Sweep, foreign: optuna.Study) -> None:
    command = ("import", "--study", "foreign", "--from", FOREIGN)
    sweep(*command)
    file = workplace / "studies" / "foreign.yaml"
    text = file.read_text()
    file.write_text(text.replace("high: 2.0", "high: 0.1"))
    result = sweep(*command)
    assert result.code == 2
    assert "x must be a number from 0.0 to 0.1, but is" in result.err
    file.write_text(text.replace("maximize", "minimize"))
    result = sweep(*command)
    assert result.code == 2
    assert "has the directions maximize, but the study file has minimize" in result.err


def test_study_of_the_same_name_is_not_adopted(workplace: Path, sweep: Sweep, foreign: optuna.Study) -> None:
    same = ("import", "--study", "foreign", "--storage", FOREIGN)
    sweep(*same)
    result = sweep(*same)
    assert result.code == 2
    assert "--study NAME --optuna-study foreign" in result.err
    launched = sweep("launch", "--study", "foreign", "--storage", FOREIGN, "--cluster", "inline")
    assert launched.code == 2
    assert "of another program" in launched.err
