"""Which requests the dashboard answers, tested on a WSGI application that records what reaches it."""

import io
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from sweep.reporting.dashboard_access import (
    MAX_BODY_BYTES,
    Access,
    bracketed,
    guarded,
    restricted_headers,
    served_hosts,
)

TOKEN = "a-secret_token"
COOKIE = f"sweep-dashboard-8080={TOKEN}"


class Reply(NamedTuple):
    code: int
    headers: dict[str, str]
    body: bytes
    reached_app: bool


def ask(
    method: str = "GET",
    path: str = "/dashboard",
    query: str = "",
    host: str | None = "127.0.0.1:8080",
    *,
    listens: str = "127.0.0.1",
    token: str | None = TOKEN,
    writable: bool = True,
    body: bytes = b"",
    **headers: str,
) -> Reply:
    """Send a request; headers are given by their WSGI names, such as `HTTP_COOKIE`."""
    reached: list[str] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        reached.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "text/html"), ("Access-Control-Allow-Origin", "*")])
        return [b"studies"]

    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)) if body else "",
        **({} if host is None else {"HTTP_HOST": host}),
        **headers,
    }
    access = Access(
        token, served_hosts(listens, ["node7", "Node7.cluster"], ["10.0.0.7", "fe80::1%eth0"]), 8080, writable
    )
    content = b"".join(guarded(app, access)(environ, lambda *args: started.append(args)))  # type: ignore[arg-type, func-returns-value, return-value]
    status, sent = started[0][:2]
    return Reply(int(status.split()[0]), dict(sent), content, bool(reached))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"HTTP_COOKIE": "sweep-dashboard-8080=wrong"},
        {"HTTP_COOKIE": f"sweep-dashboard-8081={TOKEN}"},
        {"HTTP_COOKIE": "sweep-dashboard-8080="},
        {"HTTP_AUTHORIZATION": "Bearer wrong"},
        {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"},
        {"HTTP_AUTHORIZATION": TOKEN},
        {"HTTP_AUTHORIZATION": "Bearer "},
        {"query": "token="},
        {"query": "token=wrong"},
        {"query": f"token={TOKEN}x"},
        {"query": f"tokens={TOKEN}"},
        {"query": "token=%ff%00"},
        {"query": f"token={quote('größe')}"},
        {"HTTP_COOKIE": "=;;=;\xff sweep-dashboard-8080=\xe9"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/dashboard", "/api/studies", "/static/bundle.js", "/artifacts/1/1/a"])
def test_request_without_the_token_is_rejected(path: str, headers: dict[str, str]) -> None:
    reply = ask(path=path, **headers)  # type: ignore[arg-type]
    assert (reply.code, reply.reached_app) == (403, False)
    assert b"sweep dashboard" in reply.body
    assert TOKEN not in str(reply)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_COOKIE": COOKIE},
        {"HTTP_COOKIE": f"other=1; sweep-dashboard-8080=old; {COOKIE}"},
        {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"},
        {"HTTP_AUTHORIZATION": f"token {TOKEN}"},
        {"token": None},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_request_with_the_token_is_answered(method: str, headers: dict[str, Any]) -> None:
    assert ask(method, "/api/studies/1", **headers).reached_app


def test_link_is_exchanged_for_a_cookie_and_the_token_removed_from_the_address() -> None:
    reply = ask(path="/dashboard/studies/1", query=f"a=1&token={TOKEN}&b=%26")
    assert (reply.code, reply.reached_app) == (302, False)
    assert reply.headers["Location"] == "/dashboard/studies/1?a=1&b=%26"
    name, _, attributes = reply.headers["Set-Cookie"].partition("; ")
    assert name == COOKIE
    assert set(attributes.split("; ")) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert ask(path="/", query="token=old", HTTP_COOKIE=COOKIE).headers["Location"] == "/"


def test_link_on_another_site_is_followed_by_the_own_page_so_that_the_cookie_is_sent() -> None:
    reply = ask(
        path='/"><script>',
        query=f"token={TOKEN}",
        HTTP_SEC_FETCH_SITE="cross-site",
        HTTP_SEC_FETCH_MODE="navigate",
    )
    assert reply.code == 200
    assert b'content="0; url=/%22%3E%3Cscript%3E"' in reply.body
    assert COOKIE in reply.headers["Set-Cookie"]


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "///evil.example/x"])
def test_redirect_stays_on_the_host(path: str) -> None:
    location = ask(path=path, query=f"token={TOKEN}").headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_redirect_contains_no_line_break(character: str) -> None:
    headers = ask(path=f"/a{character}b", query=f"token={TOKEN}&c={quote(character)}").headers
    assert character not in headers["Location"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:8080", "localhost:9999", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:9999",
    ],
)  # fmt: skip
@pytest.mark.parametrize("listens", ["127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.7"])
def test_loopback_name_with_any_port_is_served(host: str, listens: str) -> None:
    assert ask(host=host, listens=listens, HTTP_COOKIE=COOKIE).code == 200


@pytest.mark.parametrize(
    "host", ["node7:8080", "node7.cluster:8080", "10.0.0.7:8080", "[fe80::1]:8080", "login:1"]
)
def test_name_or_address_of_the_machine_is_served(host: str) -> None:
    assert ask(host=host, listens="login", HTTP_COOKIE=COOKIE).code == 200


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8080", "localhost.evil.example",
        "127.0.0.1.evil.example:8080", "localhost:8080@evil.example", "localhost@evil.example",
        "evil.example,localhost", "localhost evil.example", "localhost:8080:8080", "localhost:",
        "0.0.0.0:8080", "[::]:8080", "169.254.169.254", "127.0.0.1#", "\xe9",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("token", [TOKEN, None])
def test_other_host_is_rejected(host: str | None, method: str, token: str | None) -> None:
    reply = ask(method, host=host, token=token, HTTP_COOKIE=COOKIE, HTTP_X_FORWARDED_HOST="localhost")
    assert (reply.code, reply.reached_app) == (403, False)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:9999",
        "http://127.0.0.1:8081",
        "file://",
        "",
        "http://localhost:8080",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("token", [TOKEN, None])
def test_request_of_another_page_is_rejected(origin: str, method: str, token: str | None) -> None:
    reply = ask(method, "/api/studies/1", token=token, HTTP_ORIGIN=origin, HTTP_COOKIE=COOKIE)
    assert (reply.code, reply.reached_app) == (403, False)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "navigate"])
def test_page_of_another_site_can_only_contain_links(site: str, method: str, mode: str) -> None:
    headers = {"HTTP_SEC_FETCH_SITE": site, "HTTP_SEC_FETCH_MODE": mode}
    reply = ask(method, HTTP_COOKIE=COOKIE, **headers)  # type: ignore[arg-type]
    assert reply.reached_app == (method == "GET" and mode == "navigate")
    assert not ask(method, HTTP_COOKIE=COOKIE, HTTP_SEC_FETCH_DEST="iframe", **headers).reached_app  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["localhost:9999", "127.0.0.1:8080", "[::1]:8080"])
def test_own_page_may_change_studies(host: str) -> None:
    headers = {"HTTP_ORIGIN": f"http://{host}", "HTTP_SEC_FETCH_SITE": "same-origin"}
    assert ask("DELETE", host=host, HTTP_COOKIE=COOKIE, **headers).reached_app  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "delete", "TRACE", "MKCOL"])
def test_read_only_dashboard_rejects_changes(method: str) -> None:
    reply = ask(method, writable=False, HTTP_COOKIE=COOKIE)
    assert (reply.code, reply.reached_app) == (403, False)
    assert b"read-only" in reply.body


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}, 413),
        ({"CONTENT_LENGTH": "9" * 18}, 413),
        ({"CONTENT_LENGTH": "9" * 30}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": "1e3"}, 400),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
    ],
)
def test_body_of_unknown_or_large_size_is_rejected(headers: dict[str, str], code: int) -> None:
    reply = ask("POST", HTTP_COOKIE=COOKIE, **headers)  # type: ignore[arg-type]
    assert (reply.code, reply.reached_app) == (code, False)


@pytest.mark.parametrize(
    "reply", [ask(), ask(HTTP_COOKIE=COOKIE), ask(host="evil.example"), ask(query=f"token={TOKEN}")]
)
def test_every_answer_has_restricting_headers(reply: Reply) -> None:
    headers = reply.headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_policy_of_the_page_is_kept_and_extended() -> None:
    headers = dict(restricted_headers("/dashboard", [("Content-Security-Policy", "default-src 'self'")]))
    assert headers["Content-Security-Policy"].startswith("default-src 'self'; frame-ancestors 'none'; ")


@pytest.mark.parametrize(
    ("content_type", "served"),
    [
        ("text/html", "application/octet-stream"),
        ("text/html; charset=utf-8", "application/octet-stream"),
        ("TEXT/HTML", "application/octet-stream"),
        ("application/xhtml+xml", "application/octet-stream"),
        ("text/xml", "application/octet-stream"),
        ("application/pdf", "application/octet-stream"),
        ("text/javascript", "application/octet-stream"),
        ("", "application/octet-stream"),
        ("image/svg+xml", "image/svg+xml"),
        ("image/png", "image/png"),
        ("text/plain", "text/plain"),
    ],
)
def test_file_of_a_trial_is_never_a_page(content_type: str, served: str) -> None:
    headers = dict(restricted_headers("/artifacts/1/2/abc", [("Content-Type", content_type)]))
    assert headers["Content-Type"] == served
    assert headers["Content-Disposition"] == "attachment"
    assert "sandbox" in headers["Content-Security-Policy"].split("; ")


def test_ipv6_address_is_in_brackets() -> None:
    assert [bracketed(host) for host in ("::1", "127.0.0.1", "node7")] == ["[::1]", "127.0.0.1", "node7"]
