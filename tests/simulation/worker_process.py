"""A process on a node that trains one attempt. Its writes become visible to others after a while."""

from collections.abc import Callable
from pathlib import Path

from sweep.states import Cause, Outcome
from sweep.worker.attempt_folder import AttemptFolder
from sweep.worker.checkpoints import discard_checkpoints, resume
from sweep.worker.documents import EpochReport, Result, Start
from tests.simulation.history import Ending, Line, Training
from tests.simulation.world import World

NUM_EPOCHS = 3
METRIC = "score"
EPOCH_S = (20.0, 60.0)


class WorkerProcess:
    """A process that trains one attempt, with the files of a real worker.

    The value of an epoch depends on the attempt, so that records show which attempt they come from.

    Args:
        world: The simulation.
        folder: The attempt's folder.
        node: The name of the node.
        clock_skew_s: How much the node's clock is ahead.
        latency_s: The longest time that a write takes to become visible.
        fault: "error" if the train function fails, "vanished" if the process ends without a result.
        on_exit: Called when the process ends by itself.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        node: str,
        clock_skew_s: float,
        latency_s: float,
        fault: str | None,
        on_exit: Callable[[], None],
    ) -> None:
        self._world = world
        self._folder = AttemptFolder(folder)
        self._skew_s = clock_skew_s
        self._latency_s = latency_s
        self._fault = fault
        self._on_exit = on_exit
        self._visible_s = 0.0
        self._epochs_done = 0
        self._training: Training | None = None
        self.is_alive = True
        self.is_given_up = False
        self.wrote_result = False
        self._spec = self._folder.read_spec()
        self._earlier = [AttemptFolder(Path(path)) for path in self._spec.earlier_attempts]
        start = Start(self._spec.token, self._time(), node, 1, "A100", "3.11", {})
        self._write(lambda: self._claim(start))

    def kill(self) -> None:
        """End the process at once; what it has written already becomes visible nevertheless."""
        if self.is_alive:
            self._end()
            if self._training is not None and self._world.random.random() < 0.3:
                self._write(self._tear_line)

    def give_up(self) -> None:
        """Note that the scheduler has stated the end of the job, while the process continues."""
        self.is_given_up = True
        if self._training is not None:
            self._training.given_up_s = self._world.clock.seconds()

    def _time(self) -> float:
        return self._world.clock.now().timestamp() + self._skew_s

    def _write(self, action: Callable[[], None]) -> None:
        """Carry out a write after the delay of the file system; the writes of a process keep their order."""
        now = self._world.clock.seconds()
        self._visible_s = max(self._visible_s, now + self._world.random.random() * self._latency_s)
        self._world.clock.call_in(self._visible_s - now, action)

    def _claim(self, start: Start) -> None:
        if not self._folder.claim(start):
            self._world.note(f"{self._spec.token} was claimed before", "fault: an attempt starts twice")
            self._exit()
            return
        now = self._world.clock.seconds()
        self._world.history.claims[self._spec.token] += 1
        self._world.note(f"{self._spec.token} starts (trial {self._spec.number})")
        if self._world.happens(self._world.faults.foreign_result):
            self._world.note(
                f"{self._spec.token} has a foreign result", "fault: the result of another attempt"
            )
            metrics = {METRIC: 99.0, "size": 3.0}
            self._folder.write_result(Result("0123abcd", Outcome.COMPLETE, self._time(), metrics))
        if not self.is_alive:
            return
        self._training = Training(self._spec.number, self._spec.token, now)
        if self.is_given_up:
            self._training.given_up_s = now
        self._world.history.trainings.append(self._training)
        resume(self._folder, self._earlier)
        for report in self._folder.read_epochs()[0]:
            self._note_line(report)
        checkpoint = self._folder.checkpoints / "epoch"
        self._epochs_done = int(checkpoint.read_text()) if checkpoint.exists() else 0
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        if self._epochs_done >= NUM_EPOCHS:
            self._complete()
            return
        self._world.clock.call_in(self._world.random.uniform(*EPOCH_S), self._end_epoch)

    def _end_epoch(self) -> None:
        if not self.is_alive:
            return
        self._epochs_done += 1
        epoch = self._epochs_done
        report = EpochReport(epoch, self._time(), {METRIC: self._value(epoch)})
        self._write(lambda: self._append(report))
        self._write(lambda: self._save_checkpoint(epoch))
        reason = self._folder.read_stop()
        if reason is not None:
            self._finish(Result(self._spec.token, reason, self._time(), {}))
        elif epoch == 2 and self._fault == "vanished":
            self._world.note(f"{self._spec.token} vanishes")
            self._exit()
        elif epoch == 2 and self._fault == "error":
            cause = self._world.random.choice([Cause.ERROR, Cause.OUT_OF_MEMORY])
            self._finish(Result(self._spec.token, Outcome.FAILED, self._time(), {}, cause, "ValueError: no"))
        else:
            self._begin_epoch()

    def _complete(self) -> None:
        metrics = {METRIC: self._value(NUM_EPOCHS), "size": 3.0}
        self._finish(Result(self._spec.token, Outcome.COMPLETE, self._time(), metrics))

    def _value(self, epoch: int) -> float:
        return float(self._spec.params["x"]) * epoch + self._spec.attempt * 1e-6

    def _append(self, report: EpochReport) -> None:
        if report.epoch not in {earlier.epoch for earlier in self._folder.read_epochs()[0]}:
            self._folder.append_epoch(report)
            self._note_line(report)

    def _note_line(self, report: EpochReport) -> None:
        value, now = report.metrics[METRIC], self._world.clock.seconds()
        self._world.history.lines.append(Line(self._spec.token, report.epoch, value, now))

    def _tear_line(self) -> None:
        with self._folder.metrics.open("a") as file:
            file.write('{"epoch": 9, "repor')

    def _save_checkpoint(self, epoch: int) -> None:
        if self._folder.checkpoints.is_dir():  # a newer attempt may have ended and removed them
            (self._folder.checkpoints / "epoch").write_text(str(epoch))

    def _finish(self, result: Result) -> None:
        """Write the result, then end."""
        value = result.metrics.get(METRIC)
        earliest_s = self._world.clock.seconds() + min(self._skew_s, 0.0)
        ending = Ending(self._spec.token, result.outcome, result.cause, value, earliest_s, self.is_given_up)
        self._world.history.endings[self._spec.token] = ending
        self._world.note(f"{self._spec.token} ends: {result.outcome}")
        self.wrote_result = True
        self._write(lambda: self._folder.write_result(result))
        if result.outcome in {Outcome.COMPLETE, Outcome.PRUNED}:
            self._write(lambda: discard_checkpoints([self._folder, *self._earlier]))
        self._exit()

    def _exit(self) -> None:
        if self.is_alive:
            self._end()
            self._on_exit()

    def _end(self) -> None:
        self.is_alive = False
        if self._training is not None:
            self._training.ended_s = self._world.clock.seconds()
