"""`sweep doctor`: what would go wrong, before it does."""

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli.options import ClusterOption, StorageOption, cluster_file, log_to_terminal, storage_url

STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}
WIDTH = max(map(len, STYLES))


def doctor(
    cluster: ClusterOption = None,
    study: Annotated[
        str | None,
        typer.Option(help="A study file to look at too.", metavar="NAME|PATH", show_default=False),
    ] = None,
    storage: StorageOption = None,
    workdir: Annotated[
        Path | None,
        typer.Option(help="Where trial folders go; else the profile's, or ./sweeps.", metavar="DIR"),
    ] = None,
) -> None:
    """Check the scheduler, the disks, the data and, by a small job, a node.

    Exit code 2 when trials could not run.
    """
    from sweep.definition.cluster import load_cluster, profile
    from sweep.definition.study import load_study
    from sweep.execution.check import Verdict
    from sweep.execution.doctor import Visit, examine

    where = profile(load_cluster(cluster_file()), cluster)
    chosen = load_study(study) if study is not None else None
    folder = (workdir or Path(where.workdir or "sweeps")).expanduser().resolve()
    log_to_terminal()
    verdicts = set()
    for check in examine(Visit(where, storage_url(storage, chosen), folder, Path.cwd(), chosen)):
        verdicts.add(check.verdict)
        mark = typer.style(check.verdict.ljust(WIDTH), fg=STYLES[check.verdict])
        advice = f"; {check.advice}" if check.advice else ""
        typer.echo(f"{mark}  {check.what}: {check.found}{advice}")
    if Verdict.FAILED in verdicts:
        raise typer.Exit(2)
