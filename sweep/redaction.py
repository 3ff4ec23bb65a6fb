"""The removal of passwords, before a text is printed, logged, stored or put into a report."""

import re
import shlex
from collections.abc import Iterable, Sequence

MASK = "***"

SHOWN_QUERY_KEYS = ("host", "port", "dbname", "sslmode", "charset", "connect_timeout", "application_name")
"""The query keys of a database URL whose values are shown. The values of all others may be secrets."""

_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)\S+@")
_KEY = r"[\w.-]*(?:password|passwd|passphrase|passwort)|pwd"
_VALUE = r"""'[^']*'|"[^"]*"|[^\s&,;'"\])}]+"""
_KEYWORD = re.compile(rf"""((?<![\w.-])(?:{_KEY})["']?\s*[=:]\s*)(?!\*\*\*)(?:{_VALUE})""", re.IGNORECASE)
_QUERY_SECRET = re.compile(r"([?&](?:secret|token|api_?key|access_?key|auth)=)[^\s&]+", re.IGNORECASE)

# In an argument that is an address, a password may contain spaces and any other character.
_ADDRESS_PASSWORD = re.compile(r"(://[^:/@]*:).*@", re.DOTALL)
_ADDRESS_QUERY = re.compile(r"([?&][^=&]*=)[^&]*")
_PLAIN_QUERY_VALUE = re.compile(rf"[?&](?:user|{'|'.join(SHOWN_QUERY_KEYS)})=")
_STORAGE_ARGUMENT = re.compile(r"((?:--storage|--set=storage|storage)=)(.*)", re.DOTALL)


def hide_passwords(text: str) -> str:
    """Return the text with each password in a URL, and each value of a key such as `password`, masked."""
    text = _URL_PASSWORD.sub(rf"\1{MASK}@", text)
    text = _KEYWORD.sub(rf"\1{MASK}", text)
    return _QUERY_SECRET.sub(rf"\1{MASK}", text)


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
        else:
            shown.append(hide_passwords(argument))
    return shown


def shown_command(arguments: Sequence[str]) -> str:
    """Return a command line for a shell with its passwords masked."""
    return shlex.join(hide_in_arguments(arguments))
