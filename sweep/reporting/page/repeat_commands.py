"""The commands that repeat a study, derived from its provenance."""

import shlex

from sweep.storage.study_data import StudyData


def repeat_commands(data: StudyData) -> list[str]:
    """Return the commands that repeat a study, as far as its provenance was recorded.

    They check out the code, verify the data, train the best trial again and launch the study again. The data
    can be verified if the study has a dataset and a `verify` function.
    """
    found = []
    if commit := data.provenance.get("git_commit"):
        dirty = "  # the code had uncommitted changes" if data.provenance.get("git_dirty") else ""
        found.append(f"git checkout {commit}{dirty}")
    checksum, dataset = data.provenance.get("data_sha256"), data.study.dataset
    if checksum and dataset and data.study.verify is not None:
        found.append(f"{shlex.join(['sweep', 'data', 'verify', dataset])}  # expect sha256 {checksum}")
    for number in data.best_trials["number"].head(1):
        trial = "the best trial" if data.goals.is_single else "a trial of the Pareto front"
        best = ["sweep", "reproduce", "--study", data.name, "--trial", str(number)]
        found.append(f"{shlex.join(best)}  # trains {trial} again and compares the metrics")
    if command := data.provenance.get("command"):
        found.append(f"{command} {shlex.join(['--set', f'name={data.name}-again'])}")
    return found
