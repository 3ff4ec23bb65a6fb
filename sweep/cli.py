"""The command line. Each command is a few lines over the library; nothing else prints or exits.

Modules are imported inside the commands: `sweep --help` and shell completion start in a moment, and no
command waits for a library that it does not use.
"""

import logging
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.errors import InputError, SweepError

if TYPE_CHECKING:
    from sqlalchemy import URL

    from sweep.definition.study import Study

app = typer.Typer(
    name="sweep",
    help="Hyperparameter sweeps: an Optuna study whose trials are Slurm jobs, or processes of this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Get the data sets that come with the capsule network.", no_args_is_help=True)
app.add_typer(data_app, name="data")

StudyOption = Annotated[
    str, typer.Option("--study", help="studies/NAME.yaml, or the path of a study file.", metavar="NAME|PATH")
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        help="Database; else SWEEP_STORAGE, the study file's, or sqlite:///sweep.db.",
        metavar="URL",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of the data set, used as it is.", metavar="DIR", show_default=False
    ),
]


@app.command()
def launch(
    study: StudyOption,
    cluster: Annotated[
        str | None, typer.Option(help="Profile of cluster.yaml.", metavar="PROFILE", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Rehearse: a few short trials on this machine's CPU.")
    ] = False,
    storage: StorageOption = None,
    trials: Annotated[int | None, typer.Option(help="How many trials in all.", show_default=False)] = None,
    parallel: Annotated[int | None, typer.Option(help="How many trials at once.", show_default=False)] = None,
    workdir: Annotated[
        Path | None,
        typer.Option(help="Where trial folders go; else the profile's, or ./sweeps.", metavar="DIR"),
    ] = None,
    data_dir: DataDirOption = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key of the study file; repeatable.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Run a study: propose trials, submit them as jobs, record what comes of them.

    Started again, it goes on where it was: nothing is lost, nothing runs twice.
    """
    from sweep.definition.cluster import LocalProfile, load_cluster, profile
    from sweep.definition.study import load_study
    from sweep.execution.launch import LaunchRequest, open_launcher
    from sweep.execution.rehearsal import rehearsed_study, sbatch_preview
    from sweep.execution.summary import summary
    from sweep.storage.database import shown_url

    _log_to_terminal()
    named = {"trials": trials, "parallel": parallel, "data_dir": data_dir and data_dir.resolve()}
    options = [f"{key}={value}" for key, value in named.items() if value is not None]
    chosen = load_study(study, [*(overrides or []), *options])
    where = profile(load_cluster(_cluster_file()), cluster)
    url = _storage_url(storage, chosen)
    folder = (workdir or Path(where.workdir or "sweeps")).expanduser().resolve()
    if dry_run:
        if preview := sbatch_preview(chosen, where, folder):
            typer.echo(preview)
        chosen = rehearsed_study(chosen, url)
        where = LocalProfile(executor="local", workdir=where.workdir)
        folder = (workdir or Path("sweeps")).resolve()
    request = LaunchRequest(chosen, where, url, folder, Path.cwd())
    try:
        with open_launcher(request) as launcher:
            typer.echo(
                f"study {chosen.name}: {chosen.trials} trials, {chosen.parallel} at a time "
                f"({where.executor}), recorded in {shown_url(url)}\ntrial folders: {folder / chosen.name}"
            )
            launcher.run()
            typer.echo(summary(chosen, launcher.proposals))
    except KeyboardInterrupt:
        typer.echo(_detached(dry_run), err=True)
        raise typer.Exit(130) from None


@app.command()
def report(
    study: Annotated[
        list[str], typer.Option("--study", help="A study, by name or file; repeatable.", metavar="NAME|PATH")
    ],
    output: Annotated[Path, typer.Option(help="Folder to write to.", metavar="DIR")] = Path("report"),
    formats: Annotated[
        str, typer.Option("--format", help="Which of html, csv, parquet, markdown.", metavar="LIST")
    ] = "html,csv,parquet,markdown",
    storage: StorageOption = None,
) -> None:
    """Write a study's comparison plots as one offline page, and its numbers as tables."""
    from sweep.reporting.report import write_report
    from sweep.storage.database import connect
    from sweep.storage.reading import read_study

    for reference in study:
        name, url = _recorded_study(reference, storage)
        data = read_study(connect(url, must_exist=True), url, name)
        for path in write_report(data, output / name, formats.split(",")):
            typer.echo(path)


@app.command()
def dashboard(
    storage: StorageOption = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8080,
    writable: Annotated[
        bool, typer.Option("--writable", help="Let the page change and delete studies.")
    ] = False,
) -> None:
    """Open the Optuna dashboard on the storage, read-only by default."""
    from sweep.reporting.dashboard import make_server
    from sweep.storage.database import real_url

    with make_server(real_url(_storage_url(storage, None)), host, port, writable) as server:
        mode = "writable" if writable else "read-only"
        typer.echo(f"Optuna dashboard, {mode}: http://{host}:{server.server_port}  (Ctrl-C ends it)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


@data_app.command("fetch")
def fetch(
    dataset: Annotated[str, typer.Argument(help="kmnist, digits, or the path of an .npz file.")],
    data_dir: DataDirOption = None,
) -> None:
    """Download a data set, checked and resumable; say its checksum."""
    _echo_checksum("capsmodel.data:fetch", dataset, data_dir)


@data_app.command("verify")
def verify(
    dataset: Annotated[str, typer.Argument(help="kmnist, digits, or the path of an .npz file.")],
    data_dir: DataDirOption = None,
) -> None:
    """Check a data set that is there against its checksums."""
    _echo_checksum("capsmodel.data:verify", dataset, data_dir)


def main() -> None:
    """Run the command line; a mistake is one message on stderr and exit code 2, a failed study is 1."""
    try:
        app()
    except SweepError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)


def _echo_checksum(function: str, dataset: str, data_dir: Path | None) -> None:
    # by its dotted path, as a study names it: the orchestrator knows no model
    from sweep.execution.worker import load_function

    try:
        typer.echo(f"{dataset}: sha256 {load_function(function)(dataset, data_dir)}")
    except (OSError, ValueError) as error:
        raise InputError(str(error)) from None


def _log_to_terminal() -> None:
    """Show the launcher's own messages, a line each, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s  %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("sweep")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)


def _storage_url(option: str | None, study: "Study | None") -> "URL":
    """The database: the option's, the environment's, the study file's, or the default."""
    from sweep.storage.database import DEFAULT_URL, parse_url

    of_study = study.storage if study is not None else None
    return parse_url(option or os.environ.get("SWEEP_STORAGE") or of_study or DEFAULT_URL)


def _cluster_file() -> Path | None:
    """The file SWEEP_CLUSTER_FILE names, else the working directory's cluster.yaml if there is one."""
    if named := os.environ.get("SWEEP_CLUSTER_FILE"):
        return Path(named)
    file = Path("cluster.yaml")
    return file if file.exists() else None


def _recorded_study(reference: str, storage: str | None) -> "tuple[str, URL]":
    """Name and database of a study that was launched; its file, where it is still there, may say which."""
    from sweep.definition.study import load_study

    if Path(reference).suffix in {".yaml", ".yml"} or Path("studies", f"{reference}.yaml").exists():
        study = load_study(reference)
        return study.name, _storage_url(storage, study)
    return reference, _storage_url(storage, None)


def _detached(dry_run: bool) -> str:
    if dry_run:
        return "the rehearsal is left alone: trials that have started end by themselves"
    command = shlex.join(["sweep", *sys.argv[1:]])
    return f"detached: trials that have started go on. To go on with the study:\n  {command}"
