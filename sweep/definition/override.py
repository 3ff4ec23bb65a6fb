"""Override: one `--set KEY.PATH=VALUE`, which replaces what a settings file says."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweep.definition.problem import shown
from sweep.definition.yaml_text import NotYamlError, parse
from sweep.errors import InputError
from sweep.redaction import hide_passwords


@dataclass(frozen=True)
class Override:
    """A value for a key path; `option` is how the user wrote it, without any password."""

    option: str
    keys: tuple[str, ...]
    value: object

    def touches(self, keys: Sequence[str | int]) -> bool:
        """Whether one of the two key paths lies on the other."""
        return all(ours == str(theirs) for ours, theirs in zip(self.keys, keys, strict=False))

    def apply(self, document: object) -> object:
        """Return the document with the value in place; mappings that are not there yet are made.

        Raises InputError for a path that leads through a single value or past the end of a list.
        """
        return self._placed(document, 0)

    def _placed(self, tree: object, depth: int) -> object:
        # Copies on its way down: a YAML alias makes two keys share one mapping, and one is meant.
        if depth == len(self.keys):
            return self.value
        key = self.keys[depth]
        match tree:
            case None:
                return {key: self._placed(None, depth + 1)}
            case dict():
                return {**tree, key: self._placed(tree.get(key), depth + 1)}
            case list():
                index = self._index(depth, len(tree))
                return [*tree[:index], self._placed(tree[index], depth + 1), *tree[index + 1 :]]
            case _:
                path = ".".join(self.keys[:depth])
                raise InputError(f"{self.option}: {path} is a single value and has no key {shown(key)}")

    def _index(self, depth: int, num_entries: int) -> int:
        key = self.keys[depth]
        if key.isdecimal() and int(key) < num_entries:
            return int(key)
        path = ".".join(self.keys[:depth])
        raise InputError(
            f"{self.option}: {path} is a list of {num_entries}, counted from 0, and has no {shown(key)}"
        )


def parse_override(text: str) -> Override:
    """Split `space.batch_size.choices=[64, 128]` into keys and a YAML value.

    Raises InputError for text without `=` or with an empty key, and for a value that is not YAML.
    """
    path, equals, value = text.partition("=")
    keys = tuple(path.strip().split("."))
    option = "--set " + hide_passwords(text)
    if not equals or not all(keys):
        raise InputError(f"{option}: expected KEY=VALUE or KEY.KEY=VALUE, such as trials=10")
    try:
        return Override(option, keys, parse(value))
    except NotYamlError as error:
        raise InputError(f"{option}: the value is not YAML: {error}") from None
