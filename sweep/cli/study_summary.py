"""The state of a study in two lines."""

from sweep.definition.study import Study
from sweep.launcher.proposals import Proposals
from sweep.terminal_text import one_line


def summary(study: Study, proposals: Proposals, names_best: bool = True) -> str:
    """Return the number of trials in each state, and the best trial if it is to be named."""
    states = ", ".join(f"{number} {state}" for state, number in proposals.counts().items() if number)
    lines = [f"study {one_line(study.name)}: {states or 'no trials'}"]
    if names_best and (best := proposals.best()) is not None:
        params = ", ".join(f"{one_line(name)}={_shown(value)}" for name, value in best.params.items())
        lines.append(f"best: trial {best.number}, {one_line(study.metric)} = {best.value:.6g} ({params})")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else one_line(value)
