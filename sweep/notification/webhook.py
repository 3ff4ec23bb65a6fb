"""A program that sends the text of an event to a webhook. The launcher starts it by the path of this file.

It reads the event as JSON from its standard input, and the address of the webhook from the environment
variable that its argument names, so that the list of processes does not show the address. A message on its
standard error never contains the address.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import NoReturn

TIMEOUT_S = 5


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Reports a redirect as an error, because the redirected request would not contain the message."""

    def redirect_request(self, *_: object) -> None:
        """Return no request."""


def main() -> None:
    """Send the event. The exit code is 1 if the webhook has not accepted it."""
    address = os.environ.get(sys.argv[1], "").strip()
    if not address.startswith(("https://", "http://")):
        _fail("the value of the variable is not an address that begins with https://")
    text = json.load(sys.stdin)["text"]
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)  # Slack interprets these characters
    content = json.dumps({"text": text}).encode()
    try:
        request = urllib.request.Request(address, content, {"Content-Type": "application/json"})
        with urllib.request.build_opener(NoRedirect).open(request, timeout=TIMEOUT_S):
            pass
    except urllib.error.HTTPError as error:
        _fail(f"the server has answered with the HTTP status {error.code}")
    except urllib.error.URLError as error:
        _fail(_hidden(f"the server cannot be reached ({error.reason})", address))
    except TimeoutError:
        _fail(f"the server has not answered within {TIMEOUT_S} s")
    except http.client.InvalidURL:
        _fail("the value of the variable is not a valid address")
    except (OSError, http.client.HTTPException) as error:
        _fail(f"the server cannot be reached ({type(error).__name__})")
    except ValueError:  # its message may contain the address
        _fail("the value of the variable is not a valid address")


def _hidden(message: str, address: str) -> str:
    path = address.partition("://")[2].partition("/")[2]
    return message.replace(address, "***").replace(path, "***") if path else message


def _fail(message: str) -> NoReturn:
    sys.exit(message)  # which prints it and exits with code 1


if __name__ == "__main__":
    main()
