"""`sweep evaluate`: the test data, touched at last."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import (
    ClusterOption,
    RecordedStudyOption,
    StorageOption,
    cluster_file,
    log_to_terminal,
    open_study,
)
from sweep.cli.running import run


def evaluate(
    study: RecordedStudyOption,
    top: Annotated[int, typer.Option(min=1, help="How many of the best configurations.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="How often each is retrained and tested.")] = 3,
    trial: Annotated[
        list[int] | None,
        typer.Option(min=0, metavar="N", help="Test this trial's configuration too; may be given again."),
    ] = None,
    cluster: ClusterOption = None,
    storage: StorageOption = None,
) -> None:
    """Test a study's best configurations, each retrained with several seeds, as jobs like any other.

    Recorded as a study of its own, NAME-evaluation, which goes on when more is asked for later.
    """
    from sweep.definition.cluster import load_cluster, profile
    from sweep.launcher.startup import LaunchRequest
    from sweep.operations.evaluation_study import evaluation_study
    from sweep.reporting.seed_statistics import evaluated_configurations, verdict
    from sweep.storage.study_reader import study_data

    log_to_terminal()
    engine, row = open_study(study, storage)
    cluster = cluster or row.cluster
    where = profile(load_cluster(cluster_file()), cluster)
    chosen = evaluation_study(engine, row, top, seeds, trial or ())
    engine.dispose()
    request = LaunchRequest(chosen, where, engine.url, Path(row.workdir), Path.cwd(), cluster)
    run(request, names_best=False)  # the luckiest seed is no result
    configurations = evaluated_configurations(study_data(row.name, engine.url))
    for configuration in configurations:
        typer.echo(str(configuration))
    typer.echo(verdict(configurations, chosen.direction))
