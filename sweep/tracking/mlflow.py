"""Runs on an MLflow tracking server: one experiment per study, and one run per trial."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from posixpath import normpath
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunStatus, RunTag
from mlflow.exceptions import RestException

from sweep.redaction import hide_passwords
from sweep.states import AttemptState
from sweep.terminal_text import without_sequences
from sweep.tracking.tracker import TrialRecord, TrialRejectedError
from sweep.worker.artifacts import read_files

MAX_LOG_BYTES = 1_000_000
MAX_FILES = 32
MAX_FILE_BYTES = 10_000_000
MAX_NAME_LENGTH = 200
MAX_VALUE_LENGTH = 500
"""How many characters of a hyperparameter or a tag are recorded; servers of all versions accept 500."""
MAX_METRICS, MAX_PARAMS = 1000, 100
"""How many values a server accepts in one request."""
PAGE_SIZE = 1000

STUDY_TAG, TRIAL_TAG, MARK_TAG = "sweep.study", "sweep.trial", "sweep.recorded"
STATUSES = {
    AttemptState.COMPLETE: RunStatus.FINISHED,
    AttemptState.FAILED: RunStatus.FAILED,
    AttemptState.PRUNED: RunStatus.KILLED,
}
_NOT_ALLOWED = re.compile(r"[^\w.\- /]", re.ASCII)
_TEMPORARY_HTTP_CODES = {401, 403, 408, 429}

T = TypeVar("T")


class MlflowTracker:
    """Writes one run per trial, which it finds by its tags.

    What a run contains is read from the server, so that a launcher that replaces another one adds only
    what is missing.

    Args:
        uri: The URI of the server.
        study: The name of the study, which is the name of the experiment.
        study_key: What distinguishes it from a study of the same name in another database.
    """

    def __init__(self, uri: str, study: str, study_key: str) -> None:
        self._client = MlflowClient(tracking_uri=uri)
        self._study = study
        self._study_key = study_key
        self._experiment_id = self._find_experiment()
        self._runs = {int(run.data.tags[TRIAL_TAG]): run for run in self._find_runs()}
        self._written: dict[int, set[tuple[str, int]]] = {}  # metrics and epochs of active trials

    def complete_marks(self) -> Mapping[int, str]:
        """Return the marks of the trials that are recorded completely, by their numbers."""
        tags = {number: run.data.tags for number, run in self._runs.items()}
        return {number: tags[number][MARK_TAG] for number in tags if MARK_TAG in tags[number]}

    def write(self, trial: TrialRecord) -> None:
        """Record what is new about a trial, and its mark at last if it has ended.

        Raises:
            TrialRejectedError: If the server does not accept this trial, but may accept others.
        """
        try:
            self._write(trial)
        except RestException as error:
            self._written.pop(trial.version.number, None)
            code = error.get_http_status_code()
            if 400 <= code < 500 and code not in _TEMPORARY_HTTP_CODES:
                raise TrialRejectedError(str(error)) from error
            raise

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _write(self, trial: TrialRecord) -> None:
        number = trial.version.number
        run_id = self._open_run(trial)
        written = self._written[number]
        new = [
            (key, Metric(key, each.value, _milliseconds(each.reported_at), each.epoch))
            for each in trial.values
            if ((key := accepted_name(each.metric)), each.epoch) not in written
        ]
        for part in _parts(new, MAX_METRICS):
            self._client.log_batch(run_id, metrics=[metric for _, metric in part])
            written |= {(key, metric.step) for key, metric in part}
        tags = [RunTag(f"sweep.{name}", fact[:MAX_VALUE_LENGTH]) for name, fact in trial.facts.items()]
        self._client.log_batch(run_id, tags=tags)
        if trial.version.has_ended:
            self._end_run(run_id, trial, written)
            del self._written[number]

    def _open_run(self, trial: TrialRecord) -> str:
        """Return the id of a trial's run, which is created or reopened if needed."""
        number = trial.version.number
        run = self._runs.get(number)
        if run is not None and number in self._written:
            return str(run.info.run_id)
        if run is None:
            run = self._client.create_run(
                self._experiment_id,
                start_time=_milliseconds(trial.started_at),
                run_name=f"trial {number}",
                tags={STUDY_TAG: self._study_key, TRIAL_TAG: str(number)},
            )
            self._runs[number] = run
        run_id = str(run.info.run_id)
        written = set(self._written_before(run_id))
        if run.info.status != RunStatus.to_string(RunStatus.RUNNING):
            self._client.update_run(run_id, status=RunStatus.to_string(RunStatus.RUNNING))
        for part in _parts(list(trial.params.items()), MAX_PARAMS):
            params = [Param(accepted_name(name), str(value)[:MAX_VALUE_LENGTH]) for name, value in part]
            self._client.log_batch(run_id, params=params)
        self._written[number] = written
        return run_id

    def _written_before(self, run_id: str) -> Iterator[tuple[str, int]]:
        """Yield the metrics and epochs that a run contains."""
        for key in self._client.get_run(run_id).data.metrics:
            for metric in self._client.get_metric_history(run_id, key):
                yield key, metric.step

    def _end_run(self, run_id: str, trial: TrialRecord, written: set[tuple[str, int]]) -> None:
        """Add the final metrics, the artifacts and the status of a trial, and its mark at last."""
        ended_at = _milliseconds(trial.ended_at or trial.started_at)
        last_epoch = max((value.epoch for value in trial.values), default=0)
        finals = [
            Metric(accepted_name(f"final/{name}"), value, ended_at, last_epoch)
            for name, value in trial.final_metrics.items()
        ]
        for part in _parts([each for each in finals if (each.key, each.step) not in written], MAX_METRICS):
            self._client.log_batch(run_id, metrics=part)
        self._log_artifacts(run_id, trial)
        status = RunStatus.to_string(STATUSES[trial.version.state])
        self._client.set_terminated(run_id, status, end_time=ended_at)
        self._client.set_tag(run_id, MARK_TAG, trial.version.mark)

    def _log_artifacts(self, run_id: str, trial: TrialRecord) -> None:
        log = hide_passwords(without_sequences(trial.folder.read_log(MAX_LOG_BYTES)))
        with TemporaryDirectory() as temporary:
            if log:
                file = Path(temporary) / "log.txt"
                file.write_text(log, encoding="utf-8", errors="replace")
                self._client.log_artifact(run_id, str(file))
            for name, content in read_files(trial.folder.artifacts, MAX_FILE_BYTES, MAX_FILES):
                file = Path(temporary) / name
                file.write_bytes(content)
                self._client.log_artifact(run_id, str(file), "artifacts")
                file.unlink()

    def _find_experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(self._study)
        if experiment is None:
            return str(self._client.create_experiment(self._study))
        return str(experiment.experiment_id)

    def _find_runs(self) -> list[Run]:
        """Return the runs of the study, the oldest last."""
        runs: list[Run] = []
        token: Any = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                f"tags.`{STUDY_TAG}` = '{self._study_key}'",
                max_results=PAGE_SIZE,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                return runs


def accepted_name(name: str) -> str:
    """Return a name of a metric or a hyperparameter that MLflow accepts.

    A name that has to be changed ends in a part of its checksum, so that different names stay different.
    """
    changed = _NOT_ALLOWED.sub("_", name)[:MAX_NAME_LENGTH]
    if changed == name and name == normpath(name) and name[0] not in "./":
        return name
    checksum = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{changed.replace('/', '_').lstrip('.')}-{checksum}"


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
