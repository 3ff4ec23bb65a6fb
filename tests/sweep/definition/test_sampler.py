"""Tests of the samplers' settings and of the combinations that are rejected."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
import pytest
from pydantic import TypeAdapter, ValidationError

from sweep.definition.conditions import num_points
from sweep.definition.sampler import Sampler
from sweep.definition.space import CategoricalEntry, Entry, FloatEntry, IntEntry
from sweep.errors import MissingPackageError
from sweep.launcher.trial_sampler import TrialSampler

SAMPLER: TypeAdapter[Sampler] = TypeAdapter(Sampler)
FLOAT = FloatEntry(type="float", low=0, high=1)
CHOICE = CategoricalEntry(type="categorical", choices=("none", "shift"))


def sampler(name: str, **keys: Any) -> Sampler:
    return SAMPLER.validate_python({"name": name, **keys})


@pytest.mark.parametrize(
    ("settings", "name", "arguments"),
    [
        (
            sampler(
                "tpe", startup_trials=2, multivariate=True, group=True, constant_liar=False, ei_candidates=9
            ),
            "TPESampler",
            {
                "n_startup_trials": 2,
                "multivariate": True,
                "group": True,
                "constant_liar": False,
                "n_ei_candidates": 9,
            },
        ),
        (
            sampler("cmaes", startup_trials=3, population_size=8, with_margin=True),
            "CmaEsSampler",
            {
                "n_startup_trials": 3,
                "popsize": 8,
                "with_margin": True,
                "use_separable_cma": False,
                "lr_adapt": False,
                "consider_pruned_trials": False,
                "warn_independent_sampling": False,
            },
        ),
        (
            sampler("gp", startup_trials=4, deterministic_objective=True),
            "GPSampler",
            {"n_startup_trials": 4, "deterministic_objective": True, "warn_independent_sampling": False},
        ),
    ],
)
def test_keys_are_passed_to_optuna(
    monkeypatch: pytest.MonkeyPatch, settings: Sampler, name: str, arguments: dict[str, object]
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(optuna.samplers, name, lambda **arguments: given.update(arguments))
    settings.make(7)
    assert given.pop("seed") == settings.seed_of(7)
    assert given == arguments


@pytest.mark.parametrize("crossover", ["uniform", "blxalpha", "spx", "sbx", "vsbx", "undx"])
@pytest.mark.parametrize("name", ["nsgaii", "nsgaiii"])
def test_every_crossover_exists_in_optuna(name: str, crossover: str) -> None:
    made = sampler(name, crossover=crossover, population_size=4, mutation_prob=0.2).make(0)
    assert isinstance(made, optuna.samplers.NSGAIISampler | optuna.samplers.NSGAIIISampler)
    assert made.population_size == 4


def test_each_trial_has_a_seed_of_its_own() -> None:
    seeds = {sampler("random", seed=seed).seed_of(number) for seed in range(20) for number in range(50)}
    assert len(seeds) == 1000


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"name": "tpe", "group": True, "multivariate": False}, "group: true needs multivariate: true"),
        (
            {"name": "cmaes", "with_margin": True, "lr_adapt": True},
            "with_margin and lr_adapt exclude each other: set one of them",
        ),
        (
            {"name": "nsgaii", "crossover": "spx", "population_size": 2},
            "the crossover spx needs a population_size of at least 3",
        ),
    ],
)
def test_keys_that_exclude_each_other_are_rejected(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SAMPLER.validate_python(keys)


@pytest.mark.parametrize(
    ("settings", "space", "problems"),
    [
        (sampler("tpe"), {"shift": CHOICE, "decay": FLOAT}, []),
        (sampler("cmaes"), {"shift": CHOICE, "decay": FLOAT}, []),
        (
            sampler("cmaes"),
            {"shift": CHOICE},
            [
                "cmaes optimizes numbers, but all hyperparameters of space are categorical; use tpe, or grid "
                "to evaluate all combinations"
            ],
        ),
        (
            sampler("grid"),
            {"shift": CHOICE, "decay": FLOAT},
            [
                "grid needs a finite number of values, but decay is a number from 0.0 to 1.0; give it a step "
                "or make it categorical, or use qmc, which covers the space evenly"
            ],
        ),
    ],
)
def test_sampler_that_does_not_suit_the_space_suggests_another(
    settings: Sampler, space: dict[str, Entry], problems: list[str]
) -> None:
    assert list(settings.problems(space)) == problems


INT = IntEntry(type="int", low=1, high=7)


def when(entry: Entry, **condition: tuple[object, ...]) -> Entry:
    """Return the entry with a condition."""
    return entry.model_copy(update={"when": condition})


@pytest.mark.parametrize(
    ("space", "number"),
    [
        ({}, 1),
        ({"a": IntEntry(type="int", low=1, high=7, step=2), "b": CHOICE}, 8),
        ({"a": FloatEntry(type="float", low=0.1, high=0.7, step=0.1)}, 7),
        ({"a": FloatEntry(type="float", low=0.5, high=0.5), "b": CHOICE}, 2),
        ({"a": FLOAT, "b": CHOICE}, None),
        ({"a": INT, "b": when(CHOICE, a=(1,))}, 2 + 6),
        ({"b": when(CHOICE, c=("shift",)), "c": when(CHOICE, a=(1, 2)), "a": INT}, 2 * (2 + 1) + 5),
    ],
)
def test_number_of_points(space: dict[str, Entry], number: int | None) -> None:
    assert num_points(space) == number


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_missing_package_is_named_with_the_extra_that_installs_it() -> None:
    with pytest.raises(MissingPackageError) as error:
        sampler("gp").check_packages("toy")
    assert str(error.value) == (
        "study toy: the proposals of the sampler gp need PyTorch, which is not installed\n"
        "install it with: pip install 'capsweep[gp]'"
    )


HUB_PACKAGE = """
from optuna.samplers import RandomSampler


class Ascending(RandomSampler):
    def __init__(self, first, seed=None):
        super().__init__(seed)
        self.next, self.seed = first, seed

    def sample_independent(self, study, trial, param_name, param_distribution):
        self.next += 1
        return self.next


number = 3
"""


@pytest.fixture(params=["custom", "optunahub"])
def imported(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Sampler]:
    """Return a function that returns a sampler of a package that exists in a folder."""
    package = tmp_path / "samplers" / "ascending"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(HUB_PACKAGE)
    if request.param == "optunahub":
        pytest.importorskip("optunahub")
        return lambda name, **arguments: sampler(
            "optunahub", path=f"samplers/ascending:{name}", registry=str(tmp_path), arguments=arguments
        )
    monkeypatch.syspath_prepend(package.parent)
    return lambda name, **arguments: sampler("custom", path=f"ascending:{name}", arguments=arguments)


def test_imported_sampler_keeps_its_state_and_gets_arguments_and_a_seed(
    imported: Callable[..., Sampler],
) -> None:
    settings = imported("Ascending", first=4)
    assert settings.make(2).seed == settings.seed_of(2)  # type: ignore[attr-defined]
    study = optuna.create_study(sampler=TrialSampler(settings))
    entry = IntEntry(type="int", low=0, high=99)
    assert [entry.suggest(study.ask(), "width") for _ in range(3)] == [5, 6, 7]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("number", {}, "number is not a class that derives from optuna.samplers.BaseSampler"),
        ("Descending", {}, "Descending is not a class that derives"),
        ("Ascending", {}, "missing 1 required positional argument: 'first'"),
    ],
)
def test_imported_sampler_that_cannot_be_made_is_an_error_of_the_user(
    imported: Callable[..., Sampler], name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        imported(name, **arguments).make(0)
