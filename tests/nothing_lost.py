"""What must hold of the toy study at its end, however often its launcher was killed."""

from collections import Counter
from pathlib import Path

import optuna

from sweep.storage.database import connect, parse_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study


def check_nothing_lost_nothing_twice(
    workplace: Path,
    num_trials: int,
    num_epochs: int,
    epoch_s: float = 0.1,
    storage: str = "sqlite:///sweep.db",
) -> StudyData:
    """Every trial has one outcome from one attempt, trained each epoch once, and Optuna agrees with us."""
    url = parse_url(storage)
    engine = connect(url)
    data = read_study(engine, url, "toy")
    engine.dispose()
    assert data.trials["number"].tolist() == list(range(num_trials))
    assert data.trials["state"].tolist() == ["complete"] * num_trials
    assert data.attempts["number"].tolist() == list(range(num_trials))
    assert data.attempts["state"].tolist() == ["complete"] * num_trials
    least = data.attempts["gpu"].notna() * num_epochs * epoch_s
    assert (data.attempts["gpu_seconds"] + 1 > least).all()  # a cluster counts whole seconds

    trained = Counter(line.rsplit(" ", 1)[0] for line in (workplace / "ledger.txt").read_text().splitlines())
    expected = {f"{seed} {epoch}" for seed in data.trials["seed"] for epoch in range(1, num_epochs + 1)}
    assert trained == Counter(expected)  # by no process twice, at once or one after the other

    scores = data.epochs.pivot(index="number", columns="epoch", values="score").to_numpy().tolist()
    with optuna_storage(url) as optuna_tables:
        trials = optuna.load_study(study_name="toy", storage=optuna_tables).trials
    assert [trial.value for trial in trials] == data.trials["value"].tolist()
    assert [list(trial.intermediate_values.values()) for trial in trials] == scores
    assert scores == [[trial.params["x"] * epoch for epoch in range(1, num_epochs + 1)] for trial in trials]
    return data
