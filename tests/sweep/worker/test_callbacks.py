"""The callbacks of a trial, each with its real library.

PyTorch Lightning is not among the packages of the tests, because PyTorch is large. `.ci/run` installs it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from sweep.states import Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.trial import StopRequested, Trial
from tests.sweep.worker.attempts import create_attempt

pytestmark = pytest.mark.slow

ADVICE = pytest.mark.filterwarnings("ignore")  # Lightning gives advice, for example to use srun


@pytest.fixture
def attempt(workplace: Path) -> AttemptFolder:
    folder = create_attempt(workplace)
    folder.checkpoints.mkdir()
    return folder


@pytest.fixture
def trial(attempt: AttemptFolder) -> Trial:
    return Trial(attempt.read_spec(), attempt)


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    features, labels = load_breast_cancer(return_X_y=True)
    return (features - features.mean(axis=0)) / features.std(axis=0), labels


def reported(folder: AttemptFolder) -> dict[int, dict[str, float]]:
    return {report.epoch: dict(report.metrics) for report in folder.read_epochs()[0]}


def keras_model() -> Any:
    import keras

    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_keras_reports_each_epoch(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    options = {"validation_split": 0.2, "callbacks": [trial.keras_callback()], "verbose": 0}
    history = keras_model().fit(*data, initial_epoch=1, epochs=3, **options)
    epochs = reported(attempt)
    assert list(epochs) == [2, 3]  # the first epoch belongs to an earlier attempt
    assert [epochs[2]["val_accuracy"], epochs[3]["val_accuracy"]] == history.history["val_accuracy"]
    assert epochs[3].keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_keras_stops_a_pruned_trial(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    attempt.request_stop(Outcome.PRUNED)
    with pytest.raises(StopRequested):
        keras_model().fit(*data, epochs=3, callbacks=[trial.keras_callback()], verbose=0)
    assert list(reported(attempt)) == [1]


def test_xgboost_reports_each_round(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, callbacks=[trial.xgboost_callback()])
    model.fit(*data, eval_set=[data], verbose=False)
    epochs = reported(attempt)
    assert [epochs[number]["validation_0_logloss"] for number in (1, 2, 3, 4)] == model.evals_result()[
        "validation_0"
    ]["logloss"]


def test_xgboost_reports_the_mean_over_folds(
    attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]
) -> None:
    import xgboost

    matrix = xgboost.DMatrix(*data)
    found = xgboost.cv({"nthread": 1}, matrix, 3, nfold=3, callbacks=[trial.xgboost_callback()])
    means = [epoch["test_rmse"] for epoch in reported(attempt).values()]
    assert means == pytest.approx(list(found["test-rmse-mean"]))


def test_xgboost_stops_a_pruned_trial(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    import xgboost

    attempt.request_stop(Outcome.PRUNED)
    model = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, callbacks=[trial.xgboost_callback()])
    with pytest.raises(StopRequested):
        model.fit(*data, eval_set=[data], verbose=False)
    assert list(reported(attempt)) == [1]


def test_lightgbm_reports_each_round(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    import lightgbm

    stopping = lightgbm.early_stopping(1, verbose=False)
    model = lightgbm.LGBMClassifier(n_estimators=60, learning_rate=2.0, n_jobs=1, verbose=-1)
    features, labels = data
    model.fit(
        features[:400],
        labels[:400],
        eval_X=features[400:],
        eval_y=labels[400:],
        callbacks=[stopping, trial.lightgbm_callback()],
    )
    losses = [epoch["valid_0_binary_logloss"] for epoch in reported(attempt).values()]
    assert losses == model.evals_result_["valid_0"]["binary_logloss"]
    assert 1 < len(losses) < 60  # including the round after which the training was stopped
    assert np.argmin(losses) + 1 == model.best_iteration_


def test_lightgbm_stops_a_pruned_trial(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    import lightgbm

    attempt.request_stop(Outcome.PRUNED)
    with pytest.raises(StopRequested):
        lightgbm.train(
            {"verbose": -1, "num_threads": 1},
            lightgbm.Dataset(*data),
            num_boost_round=4,
            callbacks=[trial.lightgbm_callback()],
        )
    assert list(reported(attempt)) == [1]


def fit_with_lightning(trial: Trial, data: tuple[Any, Any]) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="PyTorch Lightning is not installed")
    torch = pytest.importorskip("torch")

    class Model(lightning.LightningModule):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(30, 1)

        def loss(self, batch: Any) -> Any:
            features, labels = batch
            return torch.nn.functional.binary_cross_entropy_with_logits(
                self.layer(features)[:, 0], labels.float()
            )

        def training_step(self, batch: Any, _: int) -> Any:
            loss = self.loss(batch)
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_loss", self.loss(batch))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    features, labels = data
    batches = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.tensor(features, dtype=torch.float32), torch.tensor(labels)),
        batch_size=64,
    )
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=3,
        callbacks=[trial.lightning_callback()],
        default_root_dir=trial.folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Model(), batches, batches)


@ADVICE
def test_lightning_reports_each_epoch(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    fit_with_lightning(trial, data)
    epochs = reported(attempt)
    assert list(epochs) == [1, 2, 3]
    assert all(epoch.keys() == {"train_loss", "val_loss"} for epoch in epochs.values())
    assert epochs[3]["val_loss"] < epochs[2]["val_loss"] < epochs[1]["val_loss"] < epochs[1]["train_loss"]


@ADVICE
def test_lightning_stops_a_pruned_trial(attempt: AttemptFolder, trial: Trial, data: tuple[Any, Any]) -> None:
    attempt.request_stop(Outcome.PRUNED)
    with pytest.raises(StopRequested):
        fit_with_lightning(trial, data)
    assert list(reported(attempt)) == [1]
