"""The commands that do a study again, from its provenance."""

import shlex

from sweep.storage.study_data import StudyData


def commands(data: StudyData) -> list[str]:
    """From a clone of the code to the study again, under another name; as much as was recorded."""
    found = []
    if commit := data.provenance.get("git_commit"):
        dirty = "  # the code had changes that were not committed" if data.provenance.get("git_dirty") else ""
        found.append(f"git checkout {commit}{dirty}")
    checksum, dataset = data.provenance.get("data_sha256"), data.definition.get("dataset")
    if checksum and dataset and str(data.definition.get("prepare")).startswith("capsmodel."):
        found.append(f"{shlex.join(['sweep', 'data', 'verify', dataset])}  # expect sha256 {checksum}")
    if command := data.provenance.get("command"):
        found.append(f"{command} {shlex.join(['--set', f'name={data.name}-again'])}")
    return found
