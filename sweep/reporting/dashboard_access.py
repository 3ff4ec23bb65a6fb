"""Who may send which requests to the dashboard, and what a browser may do with the answers.

Other users of a login node can reach a port of the loopback interface. A page of another site can make the
browser of the user send requests to it: directly, or under a name of its own that it resolves to the loopback
address (DNS rebinding). Files of trials may contain scripts. docs/security.md describes what is protected.
"""

import hmac
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The dashboard's pages use these methods only to read. Its routes with other methods change studies.
READING_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_BODY_BYTES = 1_000_000
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

READ_ONLY_REASON = (
    "This dashboard is read-only. Start it with `sweep dashboard --writable` to change studies."
)
TOKEN_REASON = (
    "This dashboard requires a token. Open the link that `sweep dashboard` printed when it was started, "
    "which contains the token. If you have opened it in this window just now, reload the page."
)
HOST_REASON = (
    "The address of this request does not name the machine that serves the dashboard. Use localhost, or the "
    "name or an address of that machine."
)
ORIGIN_REASON = "This request was sent by a page of another site."

# Trials choose the names of their files, and with them the types. A browser never shows another type.
SHOWN_TYPES = re.compile(
    r"image/(png|jpeg|gif|webp|bmp|svg\+xml)|(audio|video)/[\w.+-]+|text/(plain|csv)|application/json"
)
SHARED_HEADERS = (
    ("X-Frame-Options", "DENY"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
PAGE_POLICY = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
DATA_POLICY = f"default-src 'none'; sandbox; {PAGE_POLICY}"


@dataclass(frozen=True)
class Access:
    """The requests that a dashboard answers.

    Attributes:
        token: The token that each request must present; None if no token is required.
        hosts: The names and addresses, in lower case, under which the dashboard is served.
        port: The port that the server listens on. Cookies are shared between the ports of a host, so the name
            of the cookie contains it.
        writable: Whether requests may change studies.
    """

    token: str | None
    hosts: frozenset[str]
    port: int
    writable: bool

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds the token."""
        return f"sweep-dashboard-{self.port}"


@dataclass(frozen=True)
class Answer:
    """An answer in place of the dashboard's own."""

    status: str
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def served_hosts(host: str, names: Iterable[str], addresses: Iterable[str]) -> frozenset[str]:
    """Return the names and addresses under which a dashboard is served, as a Host header contains them.

    Loopback names are always among them: only this machine has them, and forwarded ports use them.

    Args:
        host: The name or address that the server listens on.
        names: The names of this machine if it can be reached by them.
        addresses: The addresses of this machine if it can be reached by them.
    """
    return LOOPBACK_NAMES | {bracketed(name.partition("%")[0].lower()) for name in (host, *names, *addresses)}


def bracketed(host: str) -> str:
    """Return a host as a URL contains it, which is in brackets for an IPv6 address."""
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        return host


def guarded(app: "WSGIApplication", access: Access) -> "WSGIApplication":
    """Return an application that answers permitted requests only, with headers that restrict browsers."""

    def guarded_app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        answer = answer_without_app(environ, access)
        if answer is None:
            return app(environ, _restricting(start_response, path))
        _discard_body(environ)
        headers = [
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.body))),
            ("Content-Security-Policy", DATA_POLICY),
            *answer.headers,
        ]
        _restricting(start_response, path="")(answer.status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    return guarded_app


def answer_without_app(environ: "Mapping[str, Any]", access: Access) -> Answer | None:
    """Return the answer to a request that the dashboard does not see; None if the dashboard may answer it."""
    reads = environ["REQUEST_METHOD"] in READING_METHODS
    if _host_name(environ.get("HTTP_HOST", "")) not in access.hosts:
        return _rejection(environ, HOST_REASON)
    if _is_foreign(environ, reads):
        return _rejection(environ, ORIGIN_REASON)
    query = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    tokens = [value for name, value in query if name == "token"]
    if access.token is not None:
        presented = [*tokens, *_authorization_tokens(environ), *_cookie_tokens(environ, access.cookie)]
        if not any(_equal(token, access.token) for token in presented):
            return _rejection(environ, TOKEN_REASON)
    if tokens and reads:
        return _without_token(environ, [pair for pair in query if pair[0] != "token"], access)
    if not reads and not access.writable:
        return _rejection(environ, READ_ONLY_REASON)
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return _rejection(environ, "The length of the request must be known.", "411 Length Required")
    if not re.fullmatch(r"\d{0,18}", environ.get("CONTENT_LENGTH") or ""):
        return _rejection(environ, "The length of the request is not a number.", "400 Bad Request")
    if int(environ.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
        return _rejection(environ, "The request is too large.", "413 Content Too Large")
    return None


def _host_name(host: str) -> str:
    """Return the name or the address in a Host header, without the port, which may have been forwarded."""
    match = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]@/\s]+)(:\d{1,5})?", host.lower())
    return match[1] if match else ""


def _is_foreign(environ: "Mapping[str, Any]", reads: bool) -> bool:
    """Return whether a page of another site or of another port has sent the request.

    Links on other pages are permitted. Programs that are not browsers send none of the headers.
    """
    origin, host = environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST", "").lower()
    if origin is not None and origin.lower() not in {f"http://{host}", f"https://{host}"}:
        return True
    if environ.get("HTTP_SEC_FETCH_SITE", "none") in {"none", "same-origin"}:
        return False
    is_link = reads and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    return not (is_link and environ.get("HTTP_SEC_FETCH_DEST", "document") == "document")


def _authorization_tokens(environ: "Mapping[str, Any]") -> list[str]:
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return [token.strip()] if scheme.lower() in {"bearer", "token"} else []


def _cookie_tokens(environ: "Mapping[str, Any]", cookie: str) -> list[str]:
    pairs = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
    return [value for name, _, value in pairs if name == cookie]


def _equal(presented: str, token: str) -> bool:
    """Compare two tokens in a time that does not depend on where they differ."""
    return hmac.compare_digest(presented.encode(errors="replace"), token.encode())


def _without_token(environ: "Mapping[str, Any]", query: list[tuple[str, str]], access: Access) -> Answer:
    """Return a redirect that stores the token in a cookie and removes it from the address."""
    path = "/" + quote(environ.get("PATH_INFO", "").encode("latin-1")).lstrip("/")
    target = path + (f"?{urlencode(query)}" if query else "")
    cookie = f"{access.cookie}={access.token}; Path=/; HttpOnly; SameSite=Strict"
    headers = [] if access.token is None else [("Set-Cookie", cookie)]
    if environ.get("HTTP_SEC_FETCH_SITE", "none") in {"none", "same-origin"}:
        return Answer("302 Found", "text/plain", b"", (*headers, ("Location", target)))
    # After a link on another site, a browser would send the cookie only from a page of this site.
    page = f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={html.escape(target)}">'
    return Answer("200 OK", "text/html; charset=utf-8", page.encode(), tuple(headers))


def _rejection(environ: "Mapping[str, Any]", reason: str, status: str = "403 Forbidden") -> Answer:
    """Return an answer with a reason: a page for a browser's address bar, JSON for programs."""
    reads = environ["REQUEST_METHOD"] in READING_METHODS
    if not reads or environ.get("PATH_INFO", "").startswith("/api/"):
        return Answer(status, "application/json", json.dumps({"reason": reason}).encode())
    shown = re.sub("`(.*?)`", r"<code>\1</code>", html.escape(reason))
    page = (
        f'<!DOCTYPE html><html lang="en"><title>Optuna dashboard</title><h1>Not permitted</h1><p>{shown}</p>'
    )
    return Answer(status, "text/html; charset=utf-8", page.encode())


def _restricting(start_response: "StartResponse", path: str) -> "StartResponse":
    """Return a function that starts a response and adds headers which restrict what browsers do with it."""

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
        return start_response(status, restricted_headers(path, headers), *error)

    return start


def restricted_headers(path: str, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers of an answer with those that restrict what a browser does with it.

    Files of trials are never shown as pages: a browser saves them, or draws them inside the dashboard.

    Args:
        path: The path of the request.
        headers: The headers that the dashboard has set.
    """
    dropped = {"access-control-allow-origin", "content-security-policy", "cache-control"}
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    policy = next((value for name, value in headers if name.lower() == "content-security-policy"), "")
    if path.startswith("/artifacts/"):
        policy = DATA_POLICY
        kept = [
            (name, _shown_type(value) if name.lower() == "content-type" else value) for name, value in kept
        ]
        kept.append(("Content-Disposition", "attachment"))
    elif policy and policy != DATA_POLICY:
        policy = f"{policy}; {PAGE_POLICY}"
    storing = "private, no-cache" if path.startswith("/static/") else "no-store"
    own = [("Content-Security-Policy", policy or DATA_POLICY), ("Cache-Control", storing)]
    return [*kept, *own, *SHARED_HEADERS]


def _shown_type(content_type: str) -> str:
    essence = content_type.partition(";")[0].strip().lower()
    return content_type if SHOWN_TYPES.fullmatch(essence) else "application/octet-stream"


def _discard_body(environ: "WSGIEnvironment") -> None:
    """Read the body of a rejected request: if a connection is closed before, the answer may be lost."""
    length = environ.get("CONTENT_LENGTH") or ""
    if re.fullmatch(r"\d{1,18}", length):
        environ["wsgi.input"].read(min(int(length), MAX_BODY_BYTES))
