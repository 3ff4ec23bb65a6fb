"""Trials whose configuration has been measured already: they take over the result without being trained."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from sweep.launcher.attempts import describe
from sweep.launcher.clock import Clock
from sweep.launcher.proposals import Proposals
from sweep.launcher.reconciliation import TrialEnd
from sweep.states import AttemptState, Outcome
from sweep.storage.optuna_storage import STATES, WITH_RESULT, recorded_violations
from sweep.storage.repeated_trials import REPEATS, Original
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow

logger = logging.getLogger(__name__)


@dataclass
class Repeats:
    """Ends trials that repeat an earlier one of the same hyperparameters and the same code.

    Every call may be repeated after a crash: the end of a trial is recorded in Optuna before its attempt is
    saved, and until then the attempt waits to be submitted.

    Attributes:
        records: The study's rows.
        proposals: The study in Optuna.
        clock: The clock.
    """

    records: StudyRecords
    proposals: Proposals
    clock: Clock
    _waiting: set[int] = field(default_factory=set)  # numbers of the trials whose wait was logged

    def to_train(self, attempts: Sequence[AttemptRow]) -> Iterator[AttemptRow]:
        """Yield the attempts to submit, and end those that repeat a trial which has ended.

        An attempt that repeats an active trial is neither: it waits for the end of that trial. A trial of
        which an attempt has been submitted is always trained.

        Args:
            attempts: The attempts that wait to be submitted.
        """
        numbers = [attempt.trial.number for attempt in attempts if attempt.number == 1]
        same = self.proposals.same_configurations(numbers) if numbers else {}
        for attempt in attempts:
            repeated = self._repeated(attempt, same.get(attempt.trial.number, ()))
            if repeated is None:
                yield attempt
            elif repeated[0].state in WITH_RESULT:
                self._take_over(attempt, *repeated)
            elif attempt.trial.number not in self._waiting:
                self._waiting.add(attempt.trial.number)
                logger.info(
                    "%s: waits for trial %d, which has the same hyperparameters",
                    describe(attempt),
                    repeated[1].number,
                )

    def _repeated(
        self, attempt: AttemptRow, same: Sequence[FrozenTrial]
    ) -> tuple[FrozenTrial, Original] | None:
        """Return the trial that an attempt's trial repeats: a complete one, a pruned one or an active one.

        Args:
            attempt: The attempt.
            same: The earlier trials with its hyperparameters.
        """
        if not same:
            return None
        found = self.records.originals({trial.number for trial in same}, attempt.snapshot)
        order = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
        usable = sorted(
            (trial for trial in same if trial.number in found),
            key=lambda trial: (order.index(trial.state), trial.number),
        )
        return (usable[0], found[usable[0].number]) if usable else None

    def _take_over(self, attempt: AttemptRow, trial: FrozenTrial, original: Original) -> None:
        """End a trial with the result of another one. Optuna gets no epochs, by which pruners would judge."""
        state = AttemptState(STATES[trial.state])
        # Optuna gives a pruned trial the value of its last epoch.
        values = tuple(trial.values) if state is AttemptState.COMPLETE else ()
        end = TrialEnd(Outcome(state.value), values, recorded_violations(trial))
        self.proposals.tell(attempt.trial.number, end)
        now = self.clock.now()
        attempt.trial.seed = original.seed
        attempt.state, attempt.started_at, attempt.ended_at = state, now, now
        attempt.notes, attempt.is_cost_final = {REPEATS: original.number}, True
        self.records.save([attempt, *self.records.copied_results(original.id, attempt.trial_id)])
        logger.info(
            "%s: %s; it has the same hyperparameters as trial %d, whose result it takes over",
            describe(attempt),
            state,
            original.number,
        )
