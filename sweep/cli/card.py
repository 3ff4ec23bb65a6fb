"""The command `sweep card`."""

from sweep.cli.options import RecordedStudyOption, StorageOption, recorded_study
from sweep.cli.output import say


def card(study: RecordedStudyOption, storage: StorageOption = None) -> None:
    """Print a paragraph for a paper's appendix that says how a study was run."""
    from sweep.reporting.redacted_study import without_passwords
    from sweep.reporting.reproducibility_card import reproducibility_card
    from sweep.storage.study_reader import study_data

    say(reproducibility_card(without_passwords(study_data(*recorded_study(study, storage)))))
