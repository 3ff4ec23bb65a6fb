"""Study: what a study file says, checked."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from sweep.definition.problem import Mistake, choices_for, refuse, shown
from sweep.definition.pruner import NoPruning, Pruner
from sweep.definition.sampler import TPE, Sampler
from sweep.definition.settings import DottedPath, ParamName, Scalar, Settings, StudyName
from sweep.definition.settings_file import read_settings
from sweep.definition.space import Entry
from sweep.errors import InputError

EVALUATION = "-evaluation"  # ends the name of a study that evaluates another


class Budget(Settings):
    """What a study may use up before no further trial is started."""

    gpu_hours: PositiveFloat | None = None
    """GPUs times hours, added up over all attempts."""
    hours: PositiveFloat | None = None
    """Hours since the study began."""


class Retries(Settings):
    """How often one trial is tried again after each cause of failure."""

    preempted: NonNegativeInt = 5
    """The cluster took the node for a job of higher priority."""
    node_failure: NonNegativeInt = 3
    """The node died."""
    timeout: NonNegativeInt = 2
    """The job reached its time limit."""
    out_of_memory: NonNegativeInt = 1
    """The job used more memory than it asked for."""
    launch_failure: NonNegativeInt = 1
    """The job ended before the trial began."""
    lost: NonNegativeInt = 2
    """The job is gone, and nothing says why."""
    error: NonNegativeInt = 0
    """The train function raised an error."""


class Failures(Settings):
    """What happens when trials fail."""

    retries: Retries = Retries()
    """How often one trial is tried again, by cause."""
    stop_after_same: PositiveInt = 3
    """Stop the study once this many trials have failed with the same error."""
    memory_factor: float = Field(default=1.0, ge=1.0)
    """How many times the memory of the attempt before one asks for that follows on one out of memory."""


class DryRun(Settings):
    """What `sweep launch --dry-run` changes to make a rehearsal of the study."""

    trials: PositiveInt = 2
    """How many trials to rehearse."""
    params: dict[ParamName, Scalar] = Field(default={})
    """Values that override the space and `fixed`, or add to them, such as one epoch on little data."""


class Study(Settings):
    """A search for the hyperparameters that make one train function do best."""

    name: StudyName
    """Name in the database, in folder names and in job names."""
    train: DottedPath
    """The train function, as package.module:function."""
    evaluate: DottedPath | None = None
    """Function that retrains a chosen configuration and returns test metrics, called as `train` is."""
    prepare: DottedPath | None = None
    """Function called once on the launching machine before any trial is submitted, as
    prepare(dataset, data_dir) -> checksum, so that compute nodes need no network."""
    verify: DottedPath | None = None
    """Function that checks data that is already there, called by `sweep data verify` as
    verify(dataset, data_dir) -> checksum."""
    check_node: DottedPath | None = None
    """Function that `sweep doctor` calls on a node as check_node(num_gpus) -> text. The text says what it
    found; an error that it raises says why trials cannot run there."""
    baselines: DottedPath | None = None
    """Function that returns published results for the report, called at each launch as baselines(study), with
    this file as a mapping. It returns None if no published result is comparable."""
    dataset: str | None = None
    """Name of the data, passed to the functions above."""
    data_dir: str | None = None
    """Folder of the data, passed to the functions above."""
    metric: str = Field(min_length=1)
    """Which of the reported metrics is the objective."""
    direction: Literal["maximize", "minimize"]
    """Whether a larger or a smaller metric is better."""
    trials: PositiveInt
    """How many trials the study has in the end."""
    parallel: PositiveInt = 1
    """How many trials are submitted at a time."""
    space: dict[ParamName, Entry] = Field(default={})
    """The hyperparameters to search. Without any, all trials would be the same: there is exactly one."""
    fixed: dict[ParamName, Scalar] = Field(default={})
    """Values that every trial gets as they are."""
    enqueue: tuple[dict[ParamName, Scalar], ...] = Field(default=(), strict=False)
    """Points of the space to try first; the sampler fills in what a point leaves out."""
    sampler: Sampler = TPE(name="tpe")
    """How further points are proposed."""
    pruner: Pruner = NoPruning(name="none")
    """When a trial that does badly is stopped early."""
    budget: Budget = Budget()
    """What the study may use up."""
    failures: Failures = Failures()
    """What is done about trials that fail."""
    storage: str | None = None
    """Database URL, where neither --storage nor SWEEP_STORAGE gives one."""
    dry_run: DryRun = DryRun()
    """What --dry-run changes."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(*self._mistakes())
        return self

    def _mistakes(self) -> Iterator[Mistake]:
        """What fits each field but not the others."""
        for name in self.fixed:
            if name in self.space:
                yield Mistake(("fixed", name), "is in space too; a hyperparameter is searched or fixed")
        for index, point in enumerate(self.enqueue):
            for name, value in point.items():
                keys = ("enqueue", index, name)
                if name not in self.space:
                    yield Mistake(keys, f"is not in space; {choices_for(name, list(self.space))}")
                elif not self.space[name].contains(value):
                    yield Mistake(keys, f"must be {self.space[name]}, but is {shown(value)}")
        if not self.space and self.trials > max(1, len(self.enqueue)):
            yield Mistake(("trials",), f"must be 1 with an empty space, but is {self.trials}")

    def rehearsal(self, name: str) -> Self:
        """Make the study that --dry-run launches under another name: few trials, none stopped early."""
        params = self.dry_run.params
        space = {key: entry for key, entry in self.space.items() if key not in params}
        points = [{key: value for key, value in point.items() if key in space} for point in self.enqueue]
        return self.model_validate(
            dict(self)
            | {
                "name": name,
                "trials": self.dry_run.trials if space else 1,
                "parallel": min(self.parallel, 2),
                "space": space,
                "fixed": self.fixed | params,
                # Points that differ only in a param now fixed have become one, or none.
                "enqueue": [
                    point for index, point in enumerate(points) if point and point not in points[:index]
                ],
                "pruner": NoPruning(name="none"),
                "budget": Budget(),
                "dry_run": DryRun(),
            }
        )

    def evaluation(self, points: Sequence[Mapping[str, Scalar]]) -> Self:
        """Make the study that `sweep evaluate` launches: a trial of the evaluate function for each point.

        Points say every hyperparameter, and repeat themselves: the trials of one differ by their seeds. Its
        objective is the study's, measured on the test data: `test_accuracy` for `val_accuracy`.
        """
        return self.model_validate(
            dict(self)
            | {
                "name": f"{self.name}{EVALUATION}",
                "train": self.evaluate,
                "evaluate": None,
                "metric": f"test_{self.metric.removeprefix('val_')}",
                "trials": len(points),
                "enqueue": points,
                "pruner": NoPruning(name="none"),
                "budget": Budget(),
            }
        )


def load_study(reference: str, overrides: Sequence[str] = (), directory: Path | None = None) -> Study:
    """Load studies/NAME.yaml below a directory, the working one by default, or the file at a path.

    A reference is a path when it has a separator or ends in .yaml or .yml. Raises InputError.
    """
    return read_settings(_study_file(reference, directory or Path()), Study, overrides)


def _study_file(reference: str, directory: Path) -> Path:
    path = Path(reference)
    if path.name != reference or path.suffix in {".yaml", ".yml"}:
        return path
    studies = directory / "studies"
    file = studies / f"{reference}.yaml"
    if not file.is_file():
        names = sorted(found.stem for found in studies.glob("*.yaml"))
        raise InputError(
            f"no study {shown(reference)} in {studies}; {choices_for(reference, names)}. "
            "A path to a study file works too"
        )
    return file
