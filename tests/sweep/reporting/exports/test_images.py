import builtins
import sys
from typing import Any

import kaleido
import pytest
from kaleido.errors import BrowserFailedError, ChromeNotFoundError

from sweep.errors import InputError
from sweep.reporting.exports.images import _file_name, png
from tests.sweep.reporting import synthetic_studies as studies


def test_missing_kaleido_raises_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def import_without_kaleido(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "kaleido":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "kaleido")
    monkeypatch.setattr(builtins, "__import__", import_without_kaleido)
    with pytest.raises(InputError, match=r"pip install 'capsweep\[png\]'"):
        png(studies.kmnist())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ChromeNotFoundError(), "require Chrome or Chromium, and none was found.*\n.*BROWSER_PATH"),
        (BrowserFailedError("libnss3 is missing\nand more"), "does not start: libnss3 is missing$"),
    ],
)
def test_missing_or_broken_chrome_raises_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(kaleido, "write_fig_from_object_sync", fail)
    with pytest.raises(InputError, match=message):
        png(studies.kmnist())


def test_file_name_has_no_special_characters() -> None:
    assert _file_name("slice_größe/../x y") == "slice_größe_.._x_y"
