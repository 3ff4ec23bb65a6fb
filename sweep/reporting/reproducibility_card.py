"""The paragraph on reproducibility for the appendix of a paper."""

from collections.abc import Iterator

from sweep.definition.space import CategoricalEntry, Entry
from sweep.reporting.formatting import format_count, format_param
from sweep.reporting.params import condition_text
from sweep.reporting.summary import format_states, summarize
from sweep.storage.study_data import StudyData

MAX_SEEDS = 8  # up to this number, all seeds are listed


def reproducibility_card(data: StudyData) -> str:
    """Return how a study was run: space, sampler, budget, trials, hardware, cost, seeds, code and data.

    What was not recorded is stated as not recorded.
    """
    return " ".join(_sentences(data))


def _sentences(data: StudyData) -> Iterator[str]:
    study, summary = data.study, summarize(data)
    goals = " and ".join(f"{each.direction} {each.metric}" for each in data.goals.objectives)
    yield f"The study {data.name} searched for hyperparameters that {goals}."
    space = "; ".join(
        f"{name} {_range(entry)}" + (f" if {condition}" if (condition := _condition(data, name)) else "")
        for name, entry in study.space.items()
    )
    yield f"The search space was {space}." if space else "No hyperparameters were searched."
    yield f"Points were proposed by the sampler {study.sampler.name} with the pruner {study.pruner.name}."
    limits = [format_count(study.trials, "trial")]
    limits += [f"{value:g} {name.replace('_', ' ')}" for name, value in study.budget if value is not None]
    yield f"The budget was {', '.join(limits)}."
    yield f"The study has {format_states(summary.num_by_state)}."
    gpus = sorted(data.attempts["gpu"].dropna().unique())
    hosts = data.attempts["host"].dropna().nunique()
    hardware = ", ".join(gpus) or "no recorded GPU"
    nodes = f"{format_count(hosts, 'node')} ({hardware})"
    yield f"The trials ran on {nodes} and used {summary.gpu_hours} GPU hours."
    yield _seeds(data)
    yield _commit(data)
    checksum = data.provenance.get("data_sha256")
    yield (
        f"The SHA-256 checksum of the data is {checksum}."
        if checksum
        else "The checksum of the data was not recorded."
    )
    yield _packages(data)


def _range(entry: Entry) -> str:
    if isinstance(entry, CategoricalEntry):
        return f"in {{{', '.join(format_param(choice) for choice in entry.names)}}}"
    scale = ", logarithmic" if entry.log else ""
    return f"in [{format_param(entry.low)}, {format_param(entry.high)}]{scale}"


def _condition(data: StudyData, name: str) -> str:
    return condition_text(data.study.space, name).removeprefix("if ")


def _seeds(data: StudyData) -> str:
    seeds = sorted(int(seed) for seed in data.trials["seed"].dropna().unique())
    text = f"The trials used {format_count(len(seeds), 'different seed')}"
    if seeds:
        shown = seeds if len(seeds) <= MAX_SEEDS else [*seeds[: MAX_SEEDS - 1], "…", seeds[-1]]
        text += f" ({', '.join(map(str, shown))})"
    if data.evaluation is not None:
        num_tests = format_count(len(data.evaluation.complete_trials), "trial")
        text += f"; the evaluation on test data has {num_tests} with seeds of their own"
    return f"{text}."


def _commit(data: StudyData) -> str:
    if len(data.code) > 1:
        return f"The trials ran different code: {'; '.join(str(version.snapshot) for version in data.code)}."
    commit = data.provenance.get("git_commit")
    if commit is None:
        return "The commit of the code was not recorded."
    is_dirty = data.provenance.get("git_dirty")
    if is_dirty is None:
        return f"The code is that of commit {commit}; whether it had uncommitted changes was not recorded."
    return f"The code is that of commit {commit} {'with' if is_dirty else 'without'} uncommitted changes."


def _packages(data: StudyData) -> str:
    packages, python = data.provenance.get("packages"), data.provenance.get("python")
    if not packages and not python:
        return "The versions of the packages were not recorded."
    versions = [f"Python {python}"] if python else []
    versions += [f"{name} {version}" for name, version in (packages or {}).items()]
    return f"The versions were {', '.join(versions)}."
