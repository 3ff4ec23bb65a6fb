"""New trials and attempts, which are saved before anything is submitted."""

import logging
import secrets
from dataclasses import dataclass

from sweep.definition.study import Study
from sweep.launcher.attempts import describe
from sweep.launcher.clock import Clock
from sweep.launcher.proposals import Proposal, Proposals
from sweep.launcher.submission import JobSettings
from sweep.states import ACTIVE_STATES, AttemptState
from sweep.storage.study_records import StudyRecords
from sweep.storage.tables import AttemptRow, TrialRow
from sweep.worker.attempt_folder import trial_folder

logger = logging.getLogger(__name__)


@dataclass
class NewAttempts:
    """Creates the attempts of new trials and of trials to retry.

    Attributes:
        study: The study.
        settings: Where and how its trials run.
        records: The study's rows.
        proposals: The study in Optuna.
        clock: The clock.
    """

    study: Study
    settings: JobSettings
    records: StudyRecords
    proposals: Proposals
    clock: Clock

    def of_proposal(self, proposal: Proposal) -> AttemptRow:
        """Save a proposed trial with its first attempt, before anything is submitted."""
        trial = TrialRow(
            study_id=self.records.study_id,
            number=proposal.number,
            optuna_trial_id=proposal.optuna_trial_id,
            seed=seed_of(self.study, proposal.number),
            folder=str(trial_folder(self.settings.workdir, self.study.name, proposal.number)),
        )
        attempt = self.of_trial(trial)
        self.records.save([trial])
        return attempt

    def retries_on_request(self, limit: int) -> list[AttemptRow]:
        """Return new attempts of failed trials to retry on request, even if the budget is spent."""
        requested = self.records.retries_requested(limit)
        trials = [trial for trial in requested if trial.attempts[-1].state is AttemptState.FAILED]
        if trials:
            self.proposals.reread()  # Optuna's storage has cached these trials as ended
        attempts = [self.of_trial(trial) for trial in trials]
        if requested:  # a trial may have been requested twice and be active again
            self.records.reopen(requested)
        for attempt in attempts:
            logger.info("%s: retried on request", describe(attempt))
        return attempts

    def record_lost_proposals(self) -> None:
        """Record trials that were proposed but not recorded; polling finds the others."""
        for proposal in self.proposals.unrecorded(self.records.trial_numbers()):
            self.of_proposal(proposal)

    def reopen_undecided(self) -> None:
        """Reopen trials in Optuna whose failure an interrupted cycle has not recorded in our tables.

        This launcher may decide otherwise, for example because a request to stop was withdrawn.
        """
        failed = self.proposals.failed_numbers()
        undecided = [
            attempt.trial.optuna_trial_id
            for attempt in (self.records.open_attempts(ACTIVE_STATES) if failed else ())
            if attempt.state in ACTIVE_STATES and attempt.trial.number in failed
        ]
        if undecided:
            self.records.reopen_in_optuna(undecided)
            self.proposals.reread()

    def of_trial(self, trial: TrialRow) -> AttemptRow:
        """Add an attempt to a trial and return it; it is not saved yet."""
        attempt = AttemptRow(
            number=len(trial.attempts) + 1,
            token=secrets.token_hex(4),
            state=AttemptState.SUBMITTING,
            job_size=1,
            num_gpus=self.settings.num_gpus,
            submitted_at=self.clock.now(),
            gpu_seconds=0.0,
            is_cost_final=False,
            metrics_offset=0,
            notes={},
            # A retry runs the code of the first attempt.
            snapshot=trial.attempts[0].snapshot if trial.attempts else self.settings.snapshot,
        )
        trial.attempts.append(attempt)
        return attempt


def seed_of(study: Study, number: int) -> int:
    """Return the seed of a trial: a different one for each trial and for each seed of the study's sampler."""
    return study.sampler.seed * 100_000 + number
