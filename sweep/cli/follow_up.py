"""The command `sweep follow-up`."""

from pathlib import Path

from sweep.cli.options import RecordedStudyOption, StorageOption, recorded_study
from sweep.cli.output import say


def follow_up(study: RecordedStudyOption, storage: StorageOption = None) -> None:
    """Write a study file that continues a study with wider ranges and fewer hyperparameters.

    The file is studies/NAME_2.yaml, or the next free number. It is for review: nothing is launched, and no
    file is overwritten.
    """
    from sweep.reporting.follow_up import follow_up as following
    from sweep.reporting.follow_up import next_name, write_follow_up
    from sweep.storage.database import open_recorded
    from sweep.storage.studies import study_names
    from sweep.storage.study_reader import study_data

    name, url = recorded_study(study, storage)
    data = study_data(name, url)
    engine = open_recorded(url)
    taken = {*study_names(engine), *(file.stem for file in Path("studies").glob("*.yaml"))}
    engine.dispose()
    found = following(data, next_name(name, taken))
    file = write_follow_up(found, Path("studies"))
    say(f"wrote {file}; review in it:")
    for change in found.changes:
        say(f"- {change}")
    say(f"then: sweep launch --study {found.study.name}")
