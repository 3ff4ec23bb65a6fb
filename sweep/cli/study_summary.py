"""The state of a study in two lines, or in one more for each further trial of the Pareto front."""

from optuna.trial import FrozenTrial
from sqlalchemy import Engine

from sweep.definition.study import Study
from sweep.goals import Goals
from sweep.launcher.proposals import Proposals
from sweep.reporting.formatting import format_param
from sweep.reporting.headline import headline
from sweep.reporting.recorded_situation import recorded_situation
from sweep.storage.studies import get_study
from sweep.terminal_text import one_line

MAX_FRONT = 10
"""How many trials of the Pareto front are listed."""


def summary(study: Study, proposals: Proposals, engine: Engine, names_best: bool = True) -> str:
    """Return the number of trials in each state, and the result of the study if it is to be named.

    The result consists of the best trials and of the sentences that say how reliable they are.
    """
    states = ", ".join(f"{number} {state}" for state, number in proposals.counts().items() if number)
    lines = [f"study {one_line(study.name)}: {states or 'no trials'}"]
    if names_best:
        best = proposals.best()
        lines += [_line(study.goals, trial) for trial in best[:MAX_FRONT]]
        if len(best) > MAX_FRONT:
            lines.append(
                f"and {len(best) - MAX_FRONT} more trials on the Pareto front; `sweep report` shows all"
            )
        sentences = headline(recorded_situation(engine, get_study(engine, study.name)))
        lines += map(one_line, sentences)
    return "\n".join(lines)


def _line(goals: Goals, trial: FrozenTrial) -> str:
    values = ", ".join(
        f"{one_line(objective.metric)} = {value:.6g}"
        for objective, value in zip(goals.objectives, trial.values, strict=True)
    )
    params = ", ".join(
        f"{one_line(name)}={one_line(format_param(each))}" for name, each in trial.params.items()
    )
    return f"{'best' if goals.is_single else 'Pareto front'}: trial {trial.number}, {values} ({params})"
