"""Overrides of single values of a settings file: `--set KEY.PATH=VALUE`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweep.definition.problem import format_value
from sweep.definition.yaml_text import NotYamlError, parse
from sweep.errors import InputError
from sweep.redaction import hide_passwords

_KEY = re.compile(r'"[^"]+"|[^."=]+')
_FORM = re.compile(rf"\s*(?P<path>(?:{_KEY.pattern})(?:\.(?:{_KEY.pattern}))*)=(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True)
class Override:
    """A new value for a key path.

    Attributes:
        option: The option as the user wrote it, with passwords replaced by asterisks.
        keys: The key path.
        value: The new value.
    """

    option: str
    keys: tuple[str, ...]
    value: object

    def touches(self, keys: Sequence[str | int]) -> bool:
        """Return whether one of the two key paths is the beginning of the other.

        They are compared without regard to which of the dots are parts of keys.
        """
        own, other = _flat(self.keys), _flat(keys)
        return all(mine == theirs for mine, theirs in zip(own, other, strict=False))

    def apply(self, document: object) -> object:
        """Return a copy of the document with the new value; missing mappings are created.

        Raises:
            InputError: If the key path leads through a single value or past the end of a list.
        """
        return self._replace(document, 0)

    def _replace(self, tree: object, depth: int) -> object:
        # A YAML alias makes two keys share one mapping. Copying it changes it below one of the keys only.
        if depth == len(self.keys):
            return self.value
        key = self.keys[depth]
        match tree:
            case None:
                return {key: self._replace(None, depth + 1)}
            case dict():
                key, depth = self._longest_key(tree, depth)
                return {**tree, key: self._replace(tree.get(key), depth)}
            case list():
                index = self._index(depth, len(tree))
                return [*tree[:index], self._replace(tree[index], depth + 1), *tree[index + 1 :]]
            case _:
                path = ".".join(self.keys[:depth])
                raise InputError(
                    f"{self.option}: {path} is a single value and has no key {format_value(key)}"
                )

    def _longest_key(self, tree: Mapping[object, object], depth: int) -> tuple[str, int]:
        """Return the key at a depth and the depth of the next one.

        Keys of a mapping may contain dots, such as the hyperparameter `model.width`. The longest existing key
        is the one that is meant; without any, it is the part up to the next dot.
        """
        for end in range(len(self.keys), depth, -1):
            if (key := ".".join(self.keys[depth:end])) in tree:
                return key, end
        return self.keys[depth], depth + 1

    def _index(self, depth: int, num_entries: int) -> int:
        key = self.keys[depth]
        if key.isdecimal() and int(key) < num_entries:
            return int(key)
        path = ".".join(self.keys[:depth])
        raise InputError(
            f"{self.option}: {path} is a list of {num_entries} entries, counted from 0, "
            f"and has no entry {format_value(key)}"
        )


def parse_override(text: str) -> Override:
    """Parse an override such as `space.batch_size.choices=[64, 128]`. Keys may be in double quotes.

    Raises:
        InputError: If there is no `=`, a key is empty, or a list, a mapping or a quoted text is not YAML.
    """
    option = "--set " + hide_passwords(text)
    match = _FORM.fullmatch(text)
    keys = tuple(part.strip('"') for part in _KEY.findall(match["path"].rstrip())) if match else ()
    value = match["value"] if match else ""
    if not all(keys) or not keys:
        raise InputError(f"{option}: expected KEY=VALUE or KEY.KEY=VALUE, such as trials=10")
    try:
        return Override(option, keys, _value(value.strip()))
    except NotYamlError as error:
        raise InputError(f"{option}: the value is not YAML: {error}") from None


def _flat(keys: Sequence[str | int]) -> list[str]:
    return ".".join(map(str, keys)).split(".")


def _value(text: str) -> object:
    """Return the value of an override: YAML if it is a list, a mapping, quoted, a number, a boolean or null.

    Any other text is taken as written, because `#` or `: ` in a file name would mean something else in YAML.
    """
    if text.startswith(tuple("[{\"'")):
        return parse(text)
    if text == "~":
        return text
    try:
        value = parse(text)
    except NotYamlError:
        return text
    is_plain = value is None or isinstance(value, bool | int | float)
    return value if is_plain and "#" not in text and not text.startswith(("!", "&", "|", ">")) else text
