"""How a study stands, in two lines for a person."""

from sweep.definition.study import Study
from sweep.launcher.proposals import Proposals
from sweep.storage.optuna_storage import STATES


def summary(study: Study, proposals: Proposals, names_best: bool = True) -> str:
    """Trials by state, and the best of them with its params where that says something."""
    counts = {state: number for state, number in proposals.counts().items() if number}
    states = ", ".join(f"{number} {STATES[state]}" for state, number in counts.items())
    lines = [f"study {study.name}: {states or 'no trials'}"]
    if names_best and (best := proposals.best()) is not None:
        params = ", ".join(f"{name}={_shown(value)}" for name, value in best.params.items())
        lines.append(f"best: trial {best.number}, {study.metric} = {best.value:.6g} ({params})")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
