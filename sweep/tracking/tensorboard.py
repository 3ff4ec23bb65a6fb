"""TensorBoard's event files: one folder per trial, written again from the database after an interruption."""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.api_pb2 import Status
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData, SessionEndInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.summary import hparams

from sweep.states import AttemptState
from sweep.tracking.tracker import TrialRecord
from sweep.worker.artifacts import read_pictures
from sweep.worker.atomic_file import write_atomically

MAX_PICTURES = 8
MAX_PICTURE_BYTES = 5_000_000
MARK_FILE = "recorded.json"
EVENT_FILES = "events.out.tfevents.*.capsweep"

STATUSES = {
    AttemptState.COMPLETE: "STATUS_SUCCESS",
    AttemptState.FAILED: "STATUS_FAILURE",
    AttemptState.PRUNED: "STATUS_SUCCESS",
}
"""TensorBoard's statuses of ended trials; it has none for trials that were stopped early."""


class TensorBoardTracker:
    """Writes DIRECTORY/STUDY/NUMBER for each trial.

    The folder of a trial contains a file that names the study, so that a study of the same name in another
    database changes nothing in it.

    Args:
        directory: The folder of event files.
        study: The name of the study.
        study_key: What distinguishes it from a study of the same name in another database.
    """

    def __init__(self, directory: Path, study: str, study_key: str) -> None:
        self._folder = directory / study
        self._study_key = study_key
        self._files: dict[int, _EventFile] = {}  # of active trials, by their numbers

    def complete_marks(self) -> Mapping[int, str]:
        """Return the marks of the trials that are recorded completely, by their numbers.

        Raises:
            FileExistsError: If another study of that name has written to the folder.
        """
        marks = {}
        for file in sorted(self._folder.glob(f"*/{MARK_FILE}")):
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["study"] != self._study_key:
                raise FileExistsError(
                    f"{self._folder} contains the trials of another study of that name; "
                    "delete it, or give track.tensorboard another folder"
                )
            if content["mark"] is not None:
                marks[int(file.parent.name)] = content["mark"]
        return marks

    def write(self, trial: TrialRecord) -> None:
        """Record what is new about a trial, and its mark at last if it has ended."""
        number = trial.version.number
        folder = self._folder / f"{number:05d}"
        if number not in self._files:
            self._write_mark(folder, None)
            for incomplete in folder.glob(EVENT_FILES):
                incomplete.unlink()
            self._files[number] = _EventFile(folder, trial)
        file = self._files[number]
        file.add_values(trial)
        if trial.version.has_ended:
            file.add_end(trial)
            self._files.pop(number).close()
            self._write_mark(folder, trial.version.mark)
        else:
            file.flush()

    def close(self) -> None:
        """Close the files of the trials that are active."""
        while self._files:
            self._files.popitem()[1].close()

    def _write_mark(self, folder: Path, mark: str | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / MARK_FILE, json.dumps({"study": self._study_key, "mark": mark}))


class _EventFile:
    """The event file of one trial, which starts with its hyperparameters."""

    def __init__(self, folder: Path, trial: TrialRecord) -> None:
        self._writer = EventsWriter(str(folder / "events"), ".capsweep")
        self._written: set[tuple[int, str]] = set()
        experiment, start, _ = hparams(dict(trial.params), {})
        self._add(experiment, trial.started_at)
        self._add(start, trial.started_at)

    def add_values(self, trial: TrialRecord) -> None:
        for value in trial.values:
            if (value.epoch, value.metric) not in self._written:
                self._add(_scalar(value.metric, value.value), value.reported_at, value.epoch)
                self._written.add((value.epoch, value.metric))

    def add_end(self, trial: TrialRecord) -> None:
        """Add the final metrics, the pictures and the status of a trial."""
        ended_at = trial.ended_at or trial.started_at
        last_epoch = max((value.epoch for value in trial.values), default=0)
        for metric, final in trial.final_metrics.items():
            self._add(_scalar(f"final/{metric}", final), ended_at, last_epoch)
        pictures = read_pictures(trial.folder.artifacts, MAX_PICTURE_BYTES)
        for _, picture in zip(range(MAX_PICTURES), pictures, strict=False):
            image = Summary.Image(encoded_image_string=picture.content)
            summary = Summary(value=[Summary.Value(tag=f"artifacts/{picture.name}", image=image)])
            self._add(summary, ended_at, last_epoch)
        end = SessionEndInfo(
            status=Status.Value(STATUSES[trial.version.state]), end_time_secs=ended_at.timestamp()
        )
        content = HParamsPluginData(session_end_info=end, version=0).SerializeToString()
        plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=content)
        metadata = SummaryMetadata(plugin_data=plugin)
        value = Summary.Value(tag="_hparams_/session_end_info", metadata=metadata)
        self._add(Summary(value=[value]), ended_at)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _add(self, summary: Summary, time: datetime, step: int = 0) -> None:
        self._writer.write_event(Event(wall_time=time.timestamp(), step=step, summary=summary))


def _scalar(metric: str, value: float) -> Summary:
    is_large = math.isfinite(value) and abs(value) > 3e38  # event files contain 32-bit numbers
    return Summary(
        value=[Summary.Value(tag=metric, simple_value=math.copysign(math.inf, value) if is_large else value)]
    )
