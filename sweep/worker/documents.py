"""The JSON documents that the launcher and a worker exchange through an attempt's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sweep.states import Cause, Outcome

_RENAMED_OUTCOMES = {"completed": "complete"}  # as versions up to 0.1.0 wrote it


@dataclass(frozen=True)
class TrialSpec:
    """The specification of an attempt (`spec.json`), which is the only input of its worker.

    Attributes:
        study: The study's name.
        number: The trial's number, counted from 0.
        attempt: The attempt's number, counted from 1.
        token: A random string that identifies the attempt.
        train: The train function as `package.module:function`.
        metric: The name of the objective among the metrics that the function returns.
        params: The hyperparameters.
        seed: The trial's seed, the same in each of its attempts.
        dataset: The study's `dataset`.
        data_dir: The study's `data_dir`.
        code_dir: The launcher's working directory. It becomes the worker's, and the first entry of its
            import path.
        threads: The number of CPU threads for the train function; None keeps the defaults of its libraries.
        earlier_attempts: The folders of the earlier attempts of the trial, newest first.
    """

    study: str
    number: int
    attempt: int
    token: str
    train: str
    metric: str
    params: Mapping[str, Any]
    seed: int
    dataset: str | None
    data_dir: str | None
    code_dir: str
    threads: int | None
    earlier_attempts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> TrialSpec:
        """Parse the text of a `spec.json`."""
        values = json.loads(text)
        values["earlier_attempts"] = tuple(values["earlier_attempts"])
        return cls(**values)

    def to_json(self) -> str:
        """Return the text of the `spec.json`."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class Start:
    """Where and when an attempt started, and in which environment (`started.json`).

    Attributes:
        token: The attempt's token.
        started_at: Seconds since 1970 in UTC, by the node's clock.
        host: The node's name.
        pid: The worker's process id.
        gpu: The names of the GPUs that the process may use, None without any.
        python: The version of Python.
        packages: The versions of the installed packages, by name.
    """

    token: str
    started_at: float
    host: str
    pid: int
    gpu: str | None
    python: str
    packages: Mapping[str, str]

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Start:
        """Return the start that parsed JSON describes."""
        return cls(**values)

    def to_json(self) -> str:
        """Return the text of the `started.json`."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Result:
    """How an attempt ended (`result.json`), the last file that a worker writes.

    Attributes:
        token: The attempt's token; a result with another token belongs to another attempt.
        outcome: How the attempt ended.
        ended_at: Seconds since 1970 in UTC, by the node's clock.
        metrics: What the train function returned; empty unless the outcome is `complete`.
        cause: Why the attempt failed.
        error: The traceback.
        notes: What the train function noted, such as a checksum of its data.
    """

    token: str
    outcome: Outcome
    ended_at: float
    metrics: Mapping[str, float]
    cause: Cause | None = None
    error: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Result:
        """Return the result that parsed JSON describes, also that of an earlier version."""
        outcome = _RENAMED_OUTCOMES.get(values["outcome"], values["outcome"])
        cause = Cause(values["cause"]) if values["cause"] else None
        return cls(**{**values, "outcome": Outcome(outcome), "cause": cause})

    def to_json(self) -> str:
        """Return the text of the `result.json`."""
        return json.dumps(asdict(self), indent=2)


@dataclass(frozen=True)
class EpochReport:
    """One line of `metrics.jsonl`.

    Attributes:
        epoch: The epoch's number, counted from 1.
        reported_at: Seconds since 1970 in UTC, by the node's clock.
        metrics: The epoch's metrics by name.
    """

    epoch: int
    reported_at: float
    metrics: Mapping[str, float]

    @classmethod
    def from_json(cls, line: bytes) -> EpochReport:
        """Parse one line.

        Raises:
            ValueError: If the line is not JSON.
            TypeError: If the document is not an epoch report.
        """
        return cls(**json.loads(line))

    def to_json(self) -> str:
        """Return the line, without its line end."""
        return json.dumps(asdict(self))
