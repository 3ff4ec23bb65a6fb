"""Realistic bugs of the launcher. The simulation must find each of them.

A bug replaces one piece of a module's text. The changed text is compiled, and the module's functions receive
the code of the changed ones, so that every other module uses it.
"""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

from tests.simulation.schedule import Report, run_schedule


class Mutation(NamedTuple):
    """A bug.

    Attributes:
        description: What the launcher does wrong, in one sentence.
        module: The name of the module.
        text: The text to replace, which the module contains exactly once.
        replacement: The text with the bug.
        faults: The kinds of faults without which the bug has no effect.
    """

    description: str
    module: str
    text: str
    replacement: str
    faults: tuple[str, ...] = ()


MUTATIONS = (
    Mutation(
        "The name of a job is committed after the job is submitted instead of before.",
        "sweep.launcher.submission",
        "    records.save(attempts)  # fails",
        "    # fails",
        ("crash",),
    ),
    Mutation(
        "A job whose submission was interrupted is submitted again without looking for it by its name.",
        "sweep.launcher.launcher",
        "            if attempt.job_name is not None:\n",
        "            if attempt.job_id is not None:\n",
        ("rejected_for_now", "received"),
    ),
    Mutation(
        "A result is accepted whichever attempt wrote it, because its token is not compared.",
        "sweep.worker.attempt_folder",
        "        return result if result.token == token else None\n",
        "        return result\n",
        ("foreign_result",),
    ),
    Mutation(
        "A result is ignored if the job has ended before the launcher reads it.",
        "sweep.launcher.decision",
        "    if observation.files.result is not None:\n",
        "    has_ended = observation.job is not None and observation.job.state.has_ended\n"
        "    if observation.files.result is not None and not has_ended:\n",
    ),
    Mutation(
        "A job that the scheduler does not report is treated as one that has ended.",
        "sweep.states",
        "        return self not in {JobState.PENDING, JobState.RUNNING, JobState.UNKNOWN}",
        "        return self not in {JobState.PENDING, JobState.RUNNING}",
    ),
    Mutation(
        "An attempt fails as soon as its job has ended, without waiting for files that appear late.",
        "sweep.launcher.decision",
        ".total_seconds() >= cycle.settle_s",
        ".total_seconds() >= 0",
        ("late_files",),
    ),
    Mutation(
        "The lease is not renewed, so that another launcher takes over from one that is alive.",
        "sweep.storage.lease",
        "        if not self._replace(self._holder, self._holder):\n            raise LeaseLostError(LOST)\n",
        "",
        ("pause",),
    ),
    Mutation(
        "A launcher that was suspended and replaced may commit what it had begun.",
        "sweep.storage.lease",
        "            for engine in engines:\n",
        "            for engine in ():\n",
        ("pause",),
    ),
    Mutation(
        "Epochs that an earlier attempt has reported are recorded again for the attempt that continues it.",
        "sweep.launcher.launcher",
        "        if files.epochs:\n            files = without_epochs",
        "        if files.epochs and attempt.number == 1:\n            files = without_epochs",
    ),
    Mutation(
        "The position in metrics.jsonl is saved before the epochs are.",
        "sweep.launcher.launcher",
        "        waiting = self._apply(changes)\n",
        "        waiting = self._apply(changes)\n        self.records.save(attempts)\n",
    ),
    Mutation(
        "The epochs are saved before the position in metrics.jsonl, and not filtered by those recorded.",
        "sweep.launcher.launcher",
        "            files = without_epochs(files, self.records.recorded_epochs(attempt.trial_id))\n",
        "            pass\n",
    ),
    Mutation(
        "A trial is recorded as failed in Optuna if its attempt is retried.",
        "sweep.launcher.reconciliation",
        "            return replace(change, retry=True, message=message)\n",
        "            return replace(change, retry=True, end=TrialEnd(Outcome.FAILED), message=message)\n",
    ),
    Mutation(
        "A retry does not count the causes of earlier attempts, so that there is no limit.",
        "sweep.launcher.policy",
        "    return earlier_causes.count(cause) < failures.retries[cause]\n",
        "    return 0 < failures.retries[cause]\n",
        ("job",),
    ),
    Mutation(
        "The attempts of cancelled jobs are retried.",
        "sweep.launcher.policy",
        "    if cause is Cause.CANCELLED:\n        return False\n"
        "    return earlier_causes.count(cause) < failures.retries[cause]\n",
        "    return earlier_causes.count(cause) < failures.retries.get(cause, 1)\n",
        ("job", "pending"),
    ),
    Mutation(
        "The process of an attempt that was given up is not told to stop.",
        "sweep.launcher.reconciliation",
        "    stop = Outcome.SUPERSEDED if action.cause is not None and result is None else None\n",
        "    stop = None\n",
        ("job", "zombie"),
    ),
    Mutation(
        "The cost of an attempt is final while its job still runs.",
        "sweep.launcher.reconciliation",
        "    if observation.job is None or observation.job.state.has_ended:\n",
        "    if True:\n",
    ),
    Mutation(
        "Trials that were proposed by a launcher that crashed are not recorded.",
        "sweep.launcher.launcher",
        "        if self._may_miss_proposals:\n",
        "        if False:\n",
        ("crash",),
    ),
    Mutation(
        "The end of a trial is recorded in our tables before it is recorded in Optuna's.",
        "sweep.launcher.launcher",
        "            is_best = change.end is not None and self._end_trial(",
        "            self.records.save([attempt])\n"
        "            is_best = change.end is not None and self._end_trial(",
    ),
    Mutation(
        "Rejected jobs are not submitted again.",
        "sweep.launcher.rejected_submissions",
        "        num_tried = 1 if now >= self.next_at else 0\n",
        "        num_tried = 0\n",
        ("rejected_for_now",),
    ),
    Mutation(
        "Retries are submitted although no slot is free.",
        "sweep.launcher.launcher",
        "num_slots // self.settings.trials_per_job, num_busy)",
        "len(waiting), num_busy)",
        ("job",),
    ),
)


@contextmanager
def applied(mutation: Mutation) -> Iterator[None]:
    """Replace the code of the module's functions and methods by that of its changed text."""
    module = importlib.import_module(mutation.module)
    source = inspect.getsource(module)
    if source.count(mutation.text) != 1:
        raise ValueError(f"{mutation.module} must contain this text once: {mutation.text!r}")
    changed = ModuleType(mutation.module)
    changed.__file__ = module.__file__
    text = source.replace(mutation.text, mutation.replacement)
    exec(compile(text, f"{module.__file__} (changed)", "exec"), changed.__dict__)
    others = dict(_functions(changed))
    replaced = [(function, function.__code__, others[name].__code__) for name, function in _functions(module)]
    for function, _, code in replaced:
        function.__code__ = code
    try:
        yield
    finally:
        for function, code, _ in replaced:
            function.__code__ = code


def _functions(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    """Yield the functions of a module, and the methods and properties of its classes."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, inspect.unwrap(value)
        elif inspect.isclass(value):
            for method_name, method in vars(value).items():
                function = (
                    method.fget if isinstance(method, property) else getattr(method, "__func__", method)
                )
                if inspect.isfunction(function):
                    yield f"{name}.{method_name}", inspect.unwrap(function)


def find(mutation: Mutation, template: Path, max_seeds: int) -> Report | None:
    """Return the first schedule that shows the bug; None if none of the first seeds does."""
    with applied(mutation):
        for seed in range(max_seeds):
            report = run_schedule(seed, template, mutation.faults)
            if report.violations:
                return report
    return None
