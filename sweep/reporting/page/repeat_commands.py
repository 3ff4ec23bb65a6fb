"""The commands that do a study again, from its provenance."""

import shlex

from sweep.storage.study_data import StudyData


def commands(data: StudyData) -> list[str]:
    """From a clone of the code to the best trial and the whole study again; as much as was recorded."""
    found = []
    if commit := data.provenance.get("git_commit"):
        dirty = "  # the code had changes that were not committed" if data.provenance.get("git_dirty") else ""
        found.append(f"git checkout {commit}{dirty}")
    checksum, dataset = data.provenance.get("data_sha256"), data.study.dataset
    if checksum and dataset and data.study.verify is not None:
        found.append(f"{shlex.join(['sweep', 'data', 'verify', dataset])}  # expect sha256 {checksum}")
    for number in data.complete_trials["number"].head(1):
        best = ["sweep", "reproduce", "--study", data.name, "--trial", str(number)]
        found.append(f"{shlex.join(best)}  # the best trial, compared with the first time")
    if command := data.provenance.get("command"):
        found.append(f"{command} {shlex.join(['--set', f'name={data.name}-again'])}")
    return found
