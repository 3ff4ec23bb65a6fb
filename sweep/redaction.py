"""The removal of passwords, before a text is printed, logged, stored or put into a report."""

import re
import shlex
from collections.abc import Iterable, Sequence

MASK = "***"

SHOWN_QUERY_KEYS = ("host", "port", "dbname", "sslmode", "charset", "connect_timeout", "application_name")
"""The query keys of a database URL whose values are shown. The values of all others may be secrets."""

WEBHOOK = r"""https?://(?:hooks\.slack\.com/|[^\s/'"]+/(?:[^\s'"]*/)?(?:hooks|webhooks?)/)"""
"""A pattern of what precedes the secret part of a webhook's address."""

_PORT = r"\d+(?:[/?#,;)\s]|$)"
_DATABASE = r"\b(?:postgres|mysql|mariadb|mssql|oracle|mongodb|redis)[\w+]*"
# A text in quotes, with escaped quotes in it; the end of the line ends it at the latest.
_QUOTED = r"""[bru\\]*(?:'(?:\\.|''|[^'\\\n])*'?|"(?:\\.|""|[^"\\\n])*"?)"""
_VALUE = rf"""(?!\*\*\*)(?:{_QUOTED}|\{{[^}}\n]*\}}?|[^\s&,;'"\])}}]+)"""
_ASSIGNED = r"""\\?["']?\s*[=:]\s*"""
_PASSWORD = r"[\w.-]*(?:password|passwd|passphrase|passwort)|(?:[\w.-]*_)?pwd"
# In the logs of language models, `pad_token` and its like are no secrets, and numbers count tokens.
_KINDS = r"(?:access|api|auth|hf|refresh|session)"
_TOKEN = (
    rf"[\w.-]*(?:secret|(?:access|api|private|secret)[_-]?key|{_KINDS}[_-]?token)"
    r"|(?-i:[A-Z\d_]+_TOKEN)|token"
)
_OPTION = rf"--(?!no-)(?:(?:[\w-]+-)?(?:password|passwd|passphrase|secret)|pass|(?:{_KINDS}-)?token)"
_NO_COUNT = r"(?![\d.]{1,8}(?:[\s,;)\]}]|$))"

_SECRETS = [
    re.compile(rf"({context}){secret}", re.IGNORECASE)
    for context, secret in (
        # The password of a URL. A user may contain an `@`, unless a host and its port follow.
        (rf"://(?:[^\s:/@]{{0,200}}:|[^\s:/]{{0,200}}:(?!{_PORT}))", r"\S{1,2000}(?=@)"),
        # In the URL of a database, the user and the password may also contain spaces.
        (rf"{_DATABASE}://(?:[^\s:/]+ ){{0,3}}[^\s:/]*:(?!//|{_PORT})", r"""(?:[^\s@'"]+ +){0,8}\S+(?=@)"""),
        (rf"(?<![\w.-])(?:{_PASSWORD}){_ASSIGNED}", _VALUE),
        # The path of a webhook of Slack, Mattermost or another chat.
        (WEBHOOK, r"""(?!\*\*\*)[^\s'",;)\]}>]+"""),
        (r"(?<![\w.-])(?:db_?)?pass(?:\s*=\s*|[\"']\s*:\s*)", _VALUE),
        (rf"(?<![\w.-])(?:{_TOKEN}){_ASSIGNED}", rf"{_NO_COUNT}{_VALUE}"),
        (rf"(?<!\S){_OPTION}(?:=|\s+(?!-))", _VALUE),
        (
            r"\b(?-i:mysql|mariadb|sshpass)[\w-]*\s(?:[^\n|;&]{0,200}?\s)?(?-i:-p)(?!\s)",
            rf"(?:{_QUOTED}|\S+)",
        ),
        (rf"authorization{_ASSIGNED}[\"']?+(?:(?:bearer|basic|digest|negotiate|token) +)?+", _VALUE),
        # A key of a query that is escaped may be the name of a secret.
        (
            r"[?&](?:secret|token|api_?key|access_?key|auth|odbc_connect|[^\s=&?%]*%[\da-f]{2}[^\s=&?]*)=",
            r"[^\s&]+",
        ),
    )
]
"""What precedes a secret in a text and remains, and the secret."""

# In an argument that is an address, a password may contain spaces and any other character.
_ADDRESS_PASSWORD = re.compile(rf"(://(?:[^:/@]*:|[^:]*:(?!{_PORT}))).*@", re.DOTALL)
_ADDRESS_QUERY = re.compile(r"([?&][^=&]*=)[^&]*")
_PLAIN_QUERY_VALUE = re.compile(rf"[?&](?:user|{'|'.join(SHOWN_QUERY_KEYS)})=")
_SECRET_OPTION = re.compile(_OPTION, re.IGNORECASE)
_SECRET_ARGUMENT = re.compile(rf"((?:{_OPTION}|{_PASSWORD}|pass)=).+", re.IGNORECASE | re.DOTALL)
_STORAGE_ARGUMENT = re.compile(r"((?:--storage|--set=storage|storage)=)(.*)", re.DOTALL)


def hide_passwords(text: str) -> str:
    """Return the text with each secret masked that can be told from what precedes it.

    Such are the passwords in URLs, the paths of webhooks, the values of keys and options such as
    `password` and `token`, and the credentials of HTTP requests.
    """
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1{MASK}", text)
    return text


def hide_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the text with each of these secrets masked, whatever surrounds it."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def hide_in_address(address: str) -> str:
    """Return the address of a database with its password and the values of unknown query keys masked.

    The address may be malformed. If it is not a URL but contains an `@`, it is masked as a whole.
    """
    if "@" in address and not re.match(r"[\w+]*://", address):
        return MASK
    address = _ADDRESS_PASSWORD.sub(rf"\1{MASK}@", address)

    def masked(match: re.Match[str]) -> str:
        return match[0] if _PLAIN_QUERY_VALUE.fullmatch(match[1]) else f"{match[1]}{MASK}"

    return hide_passwords(_ADDRESS_QUERY.sub(masked, address))


def hide_in_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command with their passwords masked."""
    shown = []
    for previous, argument in zip(["", *arguments], arguments, strict=False):
        if previous == "--storage":
            shown.append(hide_in_address(argument))
        elif match := _STORAGE_ARGUMENT.fullmatch(argument):
            shown.append(match[1] + hide_in_address(match[2]))
        elif _SECRET_OPTION.fullmatch(previous) and not argument.startswith("-"):
            shown.append(MASK)
        elif match := _SECRET_ARGUMENT.fullmatch(argument):
            shown.append(match[1] + MASK)
        else:
            shown.append(hide_passwords(argument))
    return shown


def shown_command(arguments: Sequence[str]) -> str:
    """Return a command line for a shell with its passwords masked."""
    return shlex.join(hide_in_arguments(arguments))
