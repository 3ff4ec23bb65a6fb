"""Properties that the toy study has at its end, however often its launcher was killed."""

from collections import Counter
from pathlib import Path

import optuna

from sweep.storage.database import connect, parse_url
from sweep.storage.optuna_storage import optuna_storage
from sweep.storage.study_data import StudyData
from sweep.storage.study_reader import read_study


def check_each_trial_ran_once(
    workplace: Path,
    num_trials: int,
    num_epochs: int,
    epoch_s: float = 0.1,
    storage: str = "sqlite:///sweep.db",
) -> StudyData:
    """Check that every trial is complete after one attempt and that each epoch was trained exactly once.

    The recorded GPU seconds cover the time of training, and Optuna's tables contain the same values as ours.

    Args:
        workplace: The working directory of the study, with the ledger that its model writes.
        num_trials: The number of trials of the study.
        num_epochs: The number of epochs of each trial.
        epoch_s: The shortest duration of an epoch.
        storage: The URL of the study's database.

    Returns:
        The study as the reports read it.
    """
    url = parse_url(storage)
    engine = connect(url)
    data = read_study(engine, url, "toy")
    engine.dispose()
    assert data.trials["number"].tolist() == list(range(num_trials))
    assert data.trials["state"].tolist() == ["complete"] * num_trials
    assert data.attempts["number"].tolist() == list(range(num_trials))
    assert data.attempts["state"].tolist() == ["complete"] * num_trials
    min_gpu_seconds = data.attempts["gpu"].notna() * num_epochs * epoch_s
    assert (data.attempts["gpu_seconds"] + 1 > min_gpu_seconds).all()  # Slurm counts whole seconds

    trained = Counter(line.rsplit(" ", 1)[0] for line in (workplace / "ledger.txt").read_text().splitlines())
    expected = {f"{seed} {epoch}" for seed in data.trials["seed"] for epoch in range(1, num_epochs + 1)}
    assert trained == Counter(expected)  # no two processes trained the same epoch

    scores = data.epochs.pivot(index="number", columns="epoch", values="score").to_numpy().tolist()
    with optuna_storage(url) as optuna_tables:
        trials = optuna.load_study(study_name="toy", storage=optuna_tables).trials
    assert [trial.value for trial in trials] == data.trials["value"].tolist()
    assert [list(trial.intermediate_values.values()) for trial in trials] == scores
    assert scores == [[trial.params["x"] * epoch for epoch in range(1, num_epochs + 1)] for trial in trials]
    return data
