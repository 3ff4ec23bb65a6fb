"""The command `sweep dashboard`."""

from contextlib import suppress
from typing import Annotated

import typer

from sweep.cli.options import StorageOption, storage_url


def dashboard(
    storage: StorageOption = None,
    host: Annotated[str, typer.Option(help="The address to serve on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to serve on.", metavar="N")] = 8080,
    writable: Annotated[
        bool, typer.Option("--writable", help="Allow the page to change and delete studies.")
    ] = False,
) -> None:
    """Serve the Optuna dashboard for the database."""
    from sweep.reporting.dashboard import make_server
    from sweep.storage.database import real_url

    with make_server(real_url(storage_url(storage, None)), host, port, writable) as server:
        mode = "writable" if writable else "read-only"
        typer.echo(f"Optuna dashboard, {mode}: http://{host}:{server.server_port} (stop it with Ctrl-C)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
