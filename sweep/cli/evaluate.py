"""The command `sweep evaluate`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.cluster_file import cluster_file
from sweep.cli.launch import run_launcher
from sweep.cli.options import (
    RecordedClusterOption,
    RecordedStudyOption,
    StorageOption,
    log_to_terminal,
    open_study,
)
from sweep.cli.output import say


def evaluate(
    study: RecordedStudyOption,
    top: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of best configurations to test; 1 by default. Not with several objectives.",
            metavar="K",
            show_default=False,
        ),
    ] = None,
    front: Annotated[
        bool,
        typer.Option("--front", help="Test the configurations of the Pareto front of several objectives."),
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, help="The number of seeds for each configuration.", metavar="N")
    ] = 3,
    trial: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Also test the configuration of this trial, regardless of its result. May be repeated.",
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            show_default=False,
            help="Add seeds until the best configuration is known with this probability, such as 0.95.",
        ),
    ] = None,
    max_seeds: Annotated[
        int,
        typer.Option(
            min=2, metavar="N", help="With --until, the largest number of seeds of a configuration."
        ),
    ] = 30,
    gpu_hours: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            metavar="H",
            show_default=False,
            help="With --until, the limit of the evaluation's GPU hours, earlier launches included.",
        ),
    ] = None,
    cluster: RecordedClusterOption = None,
    storage: StorageOption = None,
) -> None:
    """Measure a study's best configurations on test data.

    Each configuration is retrained with several seeds by the study's `evaluate` function. The trials are
    recorded in a study of their own, NAME-evaluation. Running the command again with more configurations or
    seeds adds the missing trials to it. With --until, each configuration starts with --seeds seeds, and those
    that may be the best get more.
    """
    from sweep.definition.cluster import load_profile
    from sweep.operations.adaptive_evaluation import adaptive, goal_of, next_step
    from sweep.operations.evaluation_study import evaluation_study
    from sweep.operations.launch_request import LaunchRequest
    from sweep.reporting.seed_statistics import check_scipy, evaluated_configurations, verdict
    from sweep.reporting.selection import describe_selection
    from sweep.storage.study_reader import study_data

    if seeds > 1:
        check_scipy()
    goal = goal_of(until, seeds, max_seeds, gpu_hours)
    log_to_terminal()
    engine, row = open_study(study, storage)
    cluster = cluster or row.cluster
    target = load_profile(cluster_file(), cluster).profile
    chosen = evaluation_study(engine, row, top, seeds, trial or (), front=front)
    if goal is not None:
        chosen = adaptive(chosen, goal)
    request = LaunchRequest(
        chosen, target, engine.url, Path(row.workdir), Path.cwd(), cluster, code_of=row.name
    )
    run_launcher(request, names_best=False)  # the best seed is not a result
    while goal is not None:
        step = next_step(engine, request.study, goal)
        if step.study is None:
            say(f"the evaluation has ended: {step.reason}")
            break
        num_added = step.study.trials - request.study.trials
        say(f"{step.reason}; {num_added} configurations get one more seed")
        request = replace(request, study=step.study, follows=True)
        run_launcher(request, names_best=False)
    engine.dispose()
    for view in study_data(row.name, engine.url).by_objective:
        configurations = evaluated_configurations(view)
        for configuration in configurations:
            say(str(configuration))
        say(verdict(configurations, view.direction))
        for sentence in describe_selection(configurations, view.direction):
            say(sentence)
