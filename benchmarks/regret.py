"""Measure the regret of samplers at equal cost, with and without a pruner.

    python -m benchmarks.regret --seeds 20 --samplers random tpe cmaes gp

Each sampler searches for the best of the trained configurations of `benchmarks.regret_tables`: a proposal is
evaluated as the nearest trained configuration. Hartmann-6 is computed, with a simulated learning curve.
One trial runs at a time, the cost is the number of trained epochs, and an epoch of a configuration is paid
for once.
"""

import argparse
import csv
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import numpy as np
import optuna
from pydantic import TypeAdapter

from benchmarks.regret_tables import EPOCHS, FOLDER, SPACES
from sweep.definition.pruner import Pruner
from sweep.definition.sampler import Sampler
from sweep.launcher.trial_sampler import TrialSampler

BUDGETS = (5, 10, 20, 30)  # in full trainings
MAX_TRIALS = 60
PACKAGES = {"gp": "torch", "cmaes": "cmaes"}
RESAMPLES = 2000


class Curve(NamedTuple):
    """The learning curve of a configuration, and a key that equal configurations share."""

    key: object
    values: Sequence[float]


class Problem(Protocol):
    """A problem: its space, the largest value that can be reached, and its learning curves."""

    best: float
    epochs: int

    def suggest(self, trial: optuna.Trial) -> Curve: ...


class Table:
    """Trained configurations. The curve of a proposal is that of the nearest configuration.

    Distances are Euclidean, after scaling each hyperparameter, or its logarithm, to the range from 0 to 1.

    Args:
        space: The bounds of each hyperparameter, whether it is an integer, and whether it is logarithmic.
        rows: The hyperparameters followed by the values after each epoch, of shape (configurations, columns).
    """

    def __init__(self, space: Mapping[str, tuple[float, float, bool, bool]], rows: np.ndarray) -> None:
        self._space = space
        params = [self._scale(dict(zip(space, row, strict=False))) for row in rows]
        self._params, self._curves = np.array(params), rows[:, len(space) :]
        self.best, self.epochs = float(self._curves[:, -1].max()), self._curves.shape[1]

    def suggest(self, trial: optuna.Trial) -> Curve:
        """Propose a configuration and return the curve of the nearest one."""
        params: dict[str, float] = {}
        for name, (low, high, is_int, is_log) in self._space.items():
            if is_int:
                params[name] = trial.suggest_int(name, int(low), int(high), log=is_log)
            else:
                params[name] = trial.suggest_float(name, low, high, log=is_log)
        nearest = int(np.argmin(((self._params - self._scale(params)) ** 2).sum(axis=1)))
        return Curve(nearest, self._curves[nearest].tolist())

    def _scale(self, params: Mapping[str, float]) -> list[float]:
        scaled = []
        for name, (low, high, _, is_log) in self._space.items():
            change = math.log if is_log else float
            scaled.append((change(params[name]) - change(low)) / (change(high) - change(low)))
        return scaled


class Hartmann6:
    """The negated Hartmann function of six variables, with a simulated learning curve of ten epochs.

    The constants are those of Surjanovic and Bingham, https://www.sfu.ca/~ssurjano/hart6.html. The curve
    approaches the value exponentially; its rate depends on the first variable, so curves may cross.
    """

    best = 3.32237
    epochs = 10
    _alpha = np.array([1.0, 1.2, 3.0, 3.2])
    _a = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    _p = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )

    def value(self, x: np.ndarray) -> float:
        """Return the value of a point of shape (6,), each coordinate from 0 to 1."""
        return float(self._alpha @ np.exp(-(self._a * (x - self._p) ** 2).sum(axis=1)))

    def suggest(self, trial: optuna.Trial) -> Curve:
        """Propose a point and return its simulated curve."""
        x = np.array([trial.suggest_float(f"x{index}", 0.0, 1.0) for index in range(6)])
        progress = 1 - np.exp(-(0.2 + 0.6 * x[0]) * np.arange(1, self.epochs + 1))
        return Curve(tuple(x), (self.value(x) * progress / progress[-1]).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe", "cmaes", "gp"])
    parser.add_argument("--problems", nargs="+", default=[*SPACES, "hartmann6"])
    parser.add_argument("--pruners", nargs="+", default=["none", "median"])
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("| problem | sampler | pruner | seeds | " + " | ".join(f"{budget}" for budget in BUDGETS) + " |")
    print("|---" * (4 + len(BUDGETS)) + "|")
    for sampler in arguments.samplers:
        package = PACKAGES.get(sampler)
        if package is not None and find_spec(package) is None:
            print(f"{sampler} is skipped, because the package {package} is not installed")
            continue
        for name in arguments.problems:
            problem = load_problem(name)
            for pruner in arguments.pruners:
                regrets = [search(problem, sampler, pruner, seed) for seed in range(arguments.seeds)]
                cells = [format_interval(column) for column in np.transpose(regrets)]
                print(f"| {name} | {sampler} | {pruner} | {len(regrets)} | {' | '.join(cells)} |", flush=True)


def load_problem(name: str) -> Problem:
    """Return the problem of this name."""
    if name == "hartmann6":
        return Hartmann6()
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    width = len(SPACES[name]) + EPOCHS[name]
    return Table(SPACES[name], np.array([row for row in rows if len(row) == width]))


def search(problem: Problem, sampler: str, pruner: str, seed: int) -> list[float]:
    """Return the regret of the best complete trial within each of BUDGETS.

    Args:
        problem: The problem.
        sampler: The name of a sampler.
        pruner: The name of a pruner.
        seed: The seed of the sampler.

    Returns:
        The differences from the best possible value. Without a complete trial the regret is NaN.
    """
    settings: Any = TypeAdapter(Sampler).validate_python({"name": sampler, "seed": seed})
    rule: Any = TypeAdapter(Pruner).validate_python({"name": pruner})
    study = optuna.create_study(direction="maximize", sampler=TrialSampler(settings), pruner=rule.make())
    paid: dict[object, int] = {}
    complete: list[tuple[int, float]] = []
    for _ in range(MAX_TRIALS):
        trial = study.ask()
        curve = problem.suggest(trial)
        value = train(trial, curve, paid)
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
            complete.append((sum(paid.values()), value))
        if sum(paid.values()) >= BUDGETS[-1] * problem.epochs:
            break
    return [regret(complete, budget * problem.epochs, problem.best) for budget in BUDGETS]


def train(trial: optuna.Trial, curve: Curve, paid: dict[object, int]) -> float | None:
    """Report a curve until the pruner stops it, and record the epochs that were paid for.

    Returns:
        The last value, None if the trial was pruned.
    """
    for epoch, value in enumerate(curve.values, start=1):
        paid[curve.key] = max(epoch, paid.get(curve.key, 0))
        trial.report(value, epoch)
        if epoch < len(curve.values) and trial.should_prune():
            return None
    return curve.values[-1]


def regret(complete: Sequence[tuple[int, float]], cost: int, best: float) -> float:
    """Return the regret of the best of the trials that were complete at a cost, NaN if there is none."""
    values = [value for spent, value in complete if spent <= cost]
    return best - max(values) if values else math.nan


def format_interval(regrets: np.ndarray) -> str:
    """Return the mean and its 95 % bootstrap interval over seeds."""
    rng = np.random.default_rng(0)
    means = rng.choice(regrets, (RESAMPLES, len(regrets))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{regrets.mean():.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
