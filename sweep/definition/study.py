"""The study: the content of a study file."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    field_validator,
    model_validator,
)

from sweep.definition.code import Code
from sweep.definition.command import (
    Command,
    MetricSources,
    TemplateText,
    command_problems,
)
from sweep.definition.conditions import (
    condition_problems,
    format_condition,
    num_points,
    present_params,
    restricted_space,
)
from sweep.definition.failures import Failures
from sweep.definition.goal_entries import (
    ConstraintEntry,
    MetricName,
    ObjectiveEntry,
    combination_problems,
    goals_from,
    key_problems,
)
from sweep.definition.notify import Notify
from sweep.definition.objective_value import ObjectiveOf
from sweep.definition.problem import Keys, Problem, format_choices, format_value, raise_problems
from sweep.definition.pruner import NoPruning, Pruner
from sweep.definition.sampler import TPE, Grid, Random, Sampler
from sweep.definition.settings import DottedPath, ParamName, Scalar, Settings, StudyName, Value, VariableName
from sweep.definition.settings_file import read_settings
from sweep.definition.space import CategoricalEntry, Entry
from sweep.definition.start_from import StartFrom
from sweep.definition.stop_when import StopWhen
from sweep.definition.track import Track
from sweep.errors import InputError
from sweep.goals import EVALUATION, MEASUREMENTS, Direction, Goals

DEFAULT_STOP_GRACE_S = 30.0


class Budget(Settings):
    """The limits after which no more trials are started."""

    gpu_hours: PositiveFloat | None = None
    """GPU hours, summed over all attempts. Without it, there is no limit."""
    hours: PositiveFloat | None = None
    """Hours since the study was created. Without it, there is no limit."""


class DryRun(Settings):
    """How `sweep launch --dry-run` shortens the study."""

    trials: PositiveInt = 2
    """Number of trials of the dry run."""
    params: dict[ParamName, Value] = Field(default={})
    """Values that replace entries of `space` and `fixed` or are added to them, such as a single epoch."""


MAX_GRID_POINTS = 1_000_000
SPACE: TypeAdapter[dict[str, Entry]] = TypeAdapter(dict[str, Entry])


class Study(Settings):
    """A search for the hyperparameters that optimize the objectives of a train function or a command."""

    guide = "docs/own_project.md shows study files for scripts and models; docs/studies.md lists all keys"

    model_config = ConfigDict(json_schema_extra=lambda schema: schema["required"].remove("trials"))

    name: StudyName
    """Name of the study in the database, in folder names and in job names."""
    train: DottedPath | None = None
    """Train function, as package.module:function. A study has either `train`, `objective` or `command`."""
    objective: DottedPath | None = None
    """Objective function of Optuna, as package.module:function, which is called as objective(trial)."""
    command: Command | None = None
    """Command that trains, as a command line or a list of words. `{NAME}` is a hyperparameter or a value of
    the trial, and `{args}` stands for all hyperparameters that it does not name."""
    env: dict[VariableName, TemplateText] = Field(default={})
    """Environment variables of the command, with the same placeholders."""
    metrics: MetricSources | None = None
    """Where the metrics of the command are read from."""
    stop_grace_seconds: PositiveFloat = DEFAULT_STOP_GRACE_S
    """Seconds from SIGTERM to SIGKILL when the command of a trial is stopped."""
    evaluate: DottedPath | None = None
    """Function that trains a chosen configuration again and returns test metrics. It has the signature of
    `train`."""
    prepare: DottedPath | None = None
    """Function that makes the data available, as prepare(dataset, data_dir) -> checksum. It is called on the
    launching machine before any trial is submitted, so compute nodes need no network."""
    check: DottedPath | None = None
    """Function that checks hyperparameters, as check(params), which raises an error for wrong ones. It is
    called before any trial is submitted, with the enqueued points and with samples of `space`."""
    verify: DottedPath | None = None
    """Function that checks existing data, as verify(dataset, data_dir) -> checksum.
    `sweep data verify` calls it."""
    check_node: DottedPath | None = None
    """Function that `sweep doctor` calls on a node, as check_node(num_gpus) -> description of the node. It
    raises an error if trials cannot run there."""
    baselines: DottedPath | None = None
    """Function that returns published results for the report, as baselines(study), where study is this file
    as a mapping. It is called at each launch and returns None if no published result is comparable."""
    dataset: str | None = None
    """Name of the dataset, passed to the functions above."""
    data_dir: str | None = None
    """Folder of the data, passed to the functions above."""
    metric: MetricName | None = None
    """Metric that is the objective. A study has either `metric` and `direction` or `objectives`."""
    direction: Direction | None = None
    """Direction in which the objective is optimized."""
    objectives: tuple[ObjectiveEntry, ...] = Field(default=(), strict=False)
    """Several objectives, in place of `metric` and `direction`."""
    constraints: tuple[ConstraintEntry, ...] = Field(default=(), strict=False)
    """Limits for metrics. The best trial is chosen among those that satisfy all of them."""
    objective_of: ObjectiveOf = "last"
    """Which epochs of a trial determine its objective: `last`, what it returned; `best`, the best value that
    it reported; `mean_of_last(K)`, the mean of the values of its last K epochs."""
    validation_size: int | None = Field(default=None, ge=2)
    """Number of validation samples if the objective is a proportion of them, such as an accuracy. The report
    states what one sample is worth, and uses the binomial standard error as an estimate of the noise."""
    trials: PositiveInt
    """Total number of trials."""
    parallel: PositiveInt = 1
    """Maximum number of trials that are submitted at the same time."""
    space: dict[ParamName, Entry] = Field(default={})
    """Hyperparameters to search. If it is empty, all trials would be the same, so `trials` must be 1."""
    fixed: dict[ParamName, Value] = Field(default={})
    """Hyperparameters that have the same value in every trial; lists and mappings are possible too."""
    enqueue: tuple[dict[ParamName, Scalar], ...] = Field(default=(), strict=False)
    """Points of the space to try first. The sampler completes points that omit hyperparameters."""
    start_from: StartFrom | None = None
    """Earlier study whose best configurations are tried after those of `enqueue`."""
    repeats: Literal["reuse", "train", "resample"] = "reuse"
    """What happens if a configuration is proposed again: the trial takes over the result of the earlier one,
    is trained with another seed, or receives a random configuration that is new."""
    sampler: Sampler = TPE(name="tpe")
    """Sampler that proposes the other points."""
    pruner: Pruner = NoPruning(name="none")
    """Pruner that stops unpromising trials early."""
    budget: Budget = Budget()
    """Limits after which no more trials are started."""
    stop_when: StopWhen = StopWhen()
    """Rules that end the study before all of its trials have been proposed."""
    failures: Failures = Failures()
    """What happens when trials fail."""
    storage: str | None = None
    """Database URL. The option --storage and the variable SWEEP_STORAGE take precedence."""
    track: Track = Track()
    """TensorBoard and MLflow, in which the launcher records the trials as well."""
    notify: Notify = Notify()
    """Command or webhook that is notified of the end of the study and of problems."""
    dry_run: DryRun = DryRun()
    """How --dry-run shortens the study."""
    code: Code = Code()
    """Files of the project that belong to the snapshot of its code."""
    working_dir: Literal["attempt", "project"] = "attempt"
    """Working directory of a trial: a folder of each attempt's own that contains the project's files as links
    and copies, or the project's folder itself."""

    @model_validator(mode="before")
    @classmethod
    def _derive_trials(cls, fields: Any) -> Any:
        """Set the number of trials of a grid, unless it is given, to the number of its points."""
        match fields:
            case {"trials": _}:
                return fields
            case {"sampler": {"name": "grid"}}:
                return {**fields, "trials": _num_grid_points(fields.get("space", {}))}
        return fields

    @field_validator("dataset", "data_dir")
    @classmethod
    def _expand_home(cls, path: str | None) -> str | None:
        if path is None or not path.startswith("~"):
            return path
        try:
            return str(Path(path).expanduser())
        except RuntimeError:
            raise ValueError(f"there is no home folder for {format_value(path)}") from None

    @model_validator(mode="after")
    def _check(self) -> Self:
        raise_problems(list(self._problems()))
        return self

    def _problems(self) -> Iterator[Problem]:
        """Find the problems that concern several fields."""
        problems_of_objectives = list(key_problems(self.metric, self.direction, self.objectives))
        yield from problems_of_objectives
        if not problems_of_objectives:
            yield from combination_problems(self.goals, self.sampler, self.pruner, self.objective_of)
            yield from self.stop_when.problems(self.goals)
            if self.validation_size is not None and self.metric is None:
                yield Problem(("validation_size",), "is possible only together with metric; remove it")
            yield from self._problems_of_program()
        for name in self.fixed:
            if name in self.space:
                yield Problem(
                    ("fixed", name), "is also in space; a hyperparameter is either searched or fixed"
                )
        points: dict[Keys, Mapping[str, Any]] = {
            ("enqueue", index): point for index, point in enumerate(self.enqueue)
        }
        points[("dry_run", "params")] = self.dry_run.params
        problems_of_conditions = list(condition_problems(self.space, points))
        yield from problems_of_conditions
        for index, point in enumerate(self.enqueue):
            for name, value in point.items():
                keys = ("enqueue", index, name)
                if name not in self.space:
                    yield Problem(keys, f"is not in space; {format_choices(name, list(self.space))}")
                elif not self.space[name].contains(value):
                    yield Problem(keys, f"must be {self.space[name]}, but is {format_value(value)}")
        if not self.space and self.trials > max(1, len(self.enqueue)):
            yield Problem(("trials",), f"must be 1 with an empty space, but is {self.trials}")
        if not problems_of_conditions:
            yield from self._problems_of_sampler()

    def _problems_of_sampler(self) -> Iterator[Problem]:
        """Find the problems of the sampler with the space, the enqueued points and the number of trials."""
        yield from (Problem(("sampler",), problem) for problem in self.sampler.problems(self.space))
        size = num_points(self.space)
        if not isinstance(self.sampler, Grid) or size is None:
            return
        if size > MAX_GRID_POINTS:
            yield Problem(
                ("sampler",),
                f"the grid has {size:,} points, more than {MAX_GRID_POINTS:,}; give fewer choices or larger "
                "steps, or use random",
            )
        if self.trials > size:
            yield Problem(
                ("trials",),
                f"must be at most {size:,}, the number of points of the grid, but is {self.trials:,}; "
                "omit trials to evaluate each point once",
            )
        for index, point in enumerate(self.enqueue):
            if missing := [name for name in present_params(self.space, point) if name not in point]:
                yield Problem(
                    ("enqueue", index),
                    f"lacks {', '.join(missing)}; with the sampler grid, enqueued points must be complete",
                )
            elif point in self.enqueue[:index]:
                yield Problem(
                    ("enqueue", index), "is enqueued twice; the sampler grid evaluates each point once"
                )

    def _problems_of_program(self) -> Iterator[Problem]:
        """Find the problems of what trains: there must be one, and the keys of a command need a command."""
        given = [key for key in ("train", "objective", "command") if getattr(self, key) is not None]
        if not given:
            yield Problem(("train",), "required, but missing: a study has either train, objective or command")
        for key in given[1:]:
            yield Problem((key,), f"is not possible together with {given[0]}: a study has one of them")
        if self.command is not None:
            yield from command_problems(
                self.command,
                self.env,
                self.metrics,
                params=[*self.space, *self.fixed],
                objectives=self.goals.returned_objectives,
                has_data_dir=self.data_dir is not None,
                conditional={
                    name: format_condition(entry.when) for name, entry in self.space.items() if entry.when
                },
            )
            return
        for key, is_given in (
            ("env", bool(self.env)),
            ("metrics", self.metrics is not None),
            ("stop_grace_seconds", self.stop_grace_seconds != DEFAULT_STOP_GRACE_S),
        ):
            if is_given:
                yield Problem((key,), "is possible only together with command")

    @property
    def goals(self) -> Goals:
        """The objectives, of which there may be one, and the constraints."""
        return goals_from(self.metric, self.direction, self.objectives, self.constraints)

    @property
    def function(self) -> str | None:
        """The function that trains, as `package.module:function`; None if a command does."""
        return self.train or self.objective

    def params(self, proposed: Mapping[str, Scalar]) -> dict[str, Any]:
        """Return what a trial receives: the fixed values, and the proposed values instead of their labels."""
        return {**self.fixed, **{name: self._value(name, value) for name, value in proposed.items()}}

    def _value(self, name: str, value: Any) -> Any:
        entry = self.space.get(name)
        return entry.value(value) if isinstance(entry, CategoricalEntry) else value

    def dry_run_study(self, name: str) -> Self:
        """Return the study that `--dry-run` launches: a few short trials without pruning, under another name.

        Args:
            name: The name of the returned study.
        """
        params = self.dry_run.params
        space = restricted_space(self.space, params)
        if self.objective is None:  # an objective function may suggest labels, and receives what is fixed
            params = {key: self._value(key, value) for key, value in params.items()}
        points = [{key: value for key, value in point.items() if key in space} for point in self.enqueue]
        return self.model_validate(
            dict(self)
            | TRAINS_EVERY_TRIAL
            | {
                "name": name,
                "trials": min(self.dry_run.trials, num_points(space) or self.dry_run.trials),
                "parallel": min(self.parallel, 2),
                "space": space,
                "fixed": self.fixed | params,
                # Points that differed only in hyperparameters that are now fixed are equal or empty.
                "enqueue": [
                    point for index, point in enumerate(points) if point and point not in points[:index]
                ],
                "dry_run": DryRun(),
                "notify": Notify(),
            }
        )

    def evaluation_study(self, points: Sequence[Mapping[str, Scalar]]) -> Self:
        """Return the study that `sweep evaluate` launches, which has one trial of `evaluate` for each point.

        Its objectives are this study's objectives on the test data, such as `test_accuracy` for
        `val_accuracy`. Those that are measured for each trial are the same. It has no constraints.

        Args:
            points: The configurations to evaluate, each with all hyperparameters. Equal points result in
                trials that differ only in their seeds.
        """
        return self.model_validate(
            dict(self)
            | TRAINS_EVERY_TRIAL
            | {
                "name": f"{self.name}{EVALUATION}",
                "train": self.evaluate,
                "objective": None,
                "command": None,
                "env": {},
                "metrics": None,
                "stop_grace_seconds": DEFAULT_STOP_GRACE_S,
                "evaluate": None,
                "metric": None if self.metric is None else _on_test_data(self.metric),
                "objectives": [
                    ObjectiveEntry(metric=_on_test_data(entry.metric), direction=entry.direction)
                    for entry in self.objectives
                ],
                "constraints": (),
                "objective_of": "last",
                "validation_size": None,
                "trials": len(points),
                "enqueue": points,
                "sampler": Random(name="random", seed=self.sampler.seed),
            }
        )


TRAINS_EVERY_TRIAL: dict[str, Any] = {
    "pruner": NoPruning(name="none"),
    "budget": Budget(),
    "stop_when": StopWhen(),
    "repeats": "train",
    "start_from": None,
}
"""The keys with which a study trains all of its trials to their ends, as dry runs and evaluations do."""


def _on_test_data(metric: str) -> str:
    """Return the metric on the test data that corresponds to an objective."""
    return metric if metric in MEASUREMENTS else f"test_{metric.removeprefix('val_')}"


def _num_grid_points(space: object) -> int:
    """Return the number of points of a space as the study file contains it.

    A space that is not valid or not finite has one point here. Its problem is reported elsewhere.
    """
    try:
        return num_points(SPACE.validate_python(space)) or 1
    except ValueError:  # conditions may form a cycle
        return 1


def load_study(reference: str, overrides: Sequence[str] = (), directory: Path | None = None) -> Study:
    """Load a study file.

    Args:
        reference: A study's name, whose file is studies/NAME.yaml, or the path of a file. A reference is a
            path if it contains a separator or ends in .yaml or .yml.
        overrides: Overrides of the form KEY.PATH=VALUE.
        directory: The folder that contains `studies`; by default the working directory.

    Raises:
        InputError: If there is no such study, or if the file or an override is invalid.
    """
    file = study_file(reference, directory)
    if _is_name(reference) and not file.is_file():
        names = sorted(found.stem for found in file.parent.glob("*.yaml"))
        raise InputError(
            f"no study {format_value(reference)} in {file.parent}; {format_choices(reference, names)}. "
            "The path of a study file is accepted too"
        )
    return read_settings(file, Study, overrides)


def study_file(reference: str, directory: Path | None = None) -> Path:
    """Return the path of a study file, which need not exist.

    Args:
        reference: A study's name or the path of a file, as for `load_study`.
        directory: The folder that contains `studies`; by default the working directory.
    """
    if _is_name(reference):
        return (directory or Path()) / "studies" / f"{reference}.yaml"
    return Path(os.path.expanduser(reference))  # noqa: PTH111 - a user that does not exist is no error


def _is_name(reference: str) -> bool:
    path = Path(reference)
    return path.name == reference and path.suffix not in {".yaml", ".yml"} and not reference.startswith("~")
