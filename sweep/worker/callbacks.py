"""Callbacks of training libraries that report each epoch of a trial.

The libraries are imported when a callback is created, because a node has only those of the user's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Callable, Dict

Report = Callable[[int, Dict[str, float]], None]  # Python 3.8 cannot subscript the built-in types
"""Records the metrics of an epoch; see `Trial.report`."""


def keras_callback(report: Report) -> Any:
    """Return a callback for Keras's `Model.fit`."""

    class ReportEpochs(import_module("keras").callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            report(epoch + 1, _numbers(logs or {}))

    return ReportEpochs()


def lightning_callback(report: Report) -> Any:
    """Return a callback for the `Trainer` of PyTorch Lightning."""

    class ReportEpochs(_lightning().Callback):  # type: ignore[misc]
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            # The validation of the epoch, if there is one, has ended by now.
            report(trainer.current_epoch + 1, _numbers(trainer.callback_metrics))

    return ReportEpochs()


def xgboost_callback(report: Report) -> Any:
    """Return a callback for XGBoost's `train` and `cv`, and for its scikit-learn estimators."""

    class ReportRounds(import_module("xgboost").callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(
            self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[Any]]]
        ) -> bool:
            latest = {
                f"{data}_{name}": values[-1]
                for data, metrics in evals_log.items()
                for name, values in metrics.items()
            }
            # `cv` gives the mean and the standard deviation over the folds.
            means = {name: value[0] if isinstance(value, tuple) else value for name, value in latest.items()}
            report(epoch + 1, _numbers(means))
            return False  # continue

    return ReportRounds()


def lightgbm_callback(report: Report) -> Any:
    """Return a callback for LightGBM's `train` and `cv`, and for its scikit-learn estimators."""

    def report_round(environment: Any) -> None:
        results = environment.evaluation_result_list or []
        report(environment.iteration + 1, _numbers({f"{each[0]}_{each[1]}": each[2] for each in results}))

    report_round.order = 20  # type: ignore[attr-defined]  # before early stopping, which ends the training
    return report_round


def _lightning() -> Any:
    """Return PyTorch Lightning by its current name or its earlier one."""
    with suppress(ModuleNotFoundError):
        return import_module("lightning.pytorch")
    return import_module("pytorch_lightning")


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that are single numbers, including NumPy's and tensors."""
    numbers = {}
    for name, value in metrics.items():
        with suppress(TypeError, ValueError, RuntimeError):  # an array, or a tensor with several values
            numbers[name] = float(value)
    return numbers
