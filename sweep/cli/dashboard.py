"""The command `sweep dashboard`."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import typer

from sweep.cli.options import StorageOption, storage_url
from sweep.cli.output import LineFormatter, say


def dashboard(
    storage: StorageOption = None,
    host: Annotated[str, typer.Option(help="The address to serve on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to serve on.", metavar="N")] = 8080,
    writable: Annotated[
        bool, typer.Option("--writable", help="Allow the page to change and delete studies.")
    ] = False,
    no_token: Annotated[
        bool,
        typer.Option("--no-token", help="Answer everybody who can reach the port, without a token."),
    ] = False,
) -> None:
    """Serve the Optuna dashboard for the database.

    Open the link that the command prints. It contains a token, without which the dashboard answers nobody,
    because all users of a machine can reach its ports.
    """
    from sweep.reporting.dashboard import link, make_server
    from sweep.storage.database import real_url

    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter("%(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    token = None if no_token else secrets.token_urlsafe(32)
    url = real_url(storage_url(storage, None))
    with make_server(url, host, port, writable, token) as server:
        mode = "writable" if writable else "read-only"
        for warning in _warnings(is_local=server.is_local, writable=writable, has_token=not no_token):
            say(f"warning: {warning}", err=True)
        say(f"Optuna dashboard, {mode}: {link(server, host, token)} (stop it with Ctrl-C)")
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def _warnings(*, is_local: bool, writable: bool, has_token: bool) -> Iterator[str]:
    """Yield what other people can do with the dashboard."""
    action = "read, change and delete" if writable else "read"
    reach = "every user of this machine" if is_local else "everybody who can reach this port over the network"
    if not has_token:
        yield f"without a token, {reach} can {action} all studies of the database"
    if not is_local:
        yield (
            "the dashboard can be reached over the network, and its connections are not encrypted: others on "
            f"the network can see the token and the studies, and then {action} all studies. Serve it on "
            "127.0.0.1 instead and forward the port: ssh -L 8080:localhost:8080 HOST"
        )
