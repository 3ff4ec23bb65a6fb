import builtins
import sys
from typing import Any

import kaleido
import pytest
from kaleido.errors import BrowserFailedError, ChromeNotFoundError

from sweep.errors import InputError
from sweep.reporting.exports.png import _file_name, png
from tests.sweep.reporting import synthetic_studies as studies


def test_without_kaleido_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "kaleido":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "kaleido")
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"pip install 'capsweep\[png\]'"):
        png(studies.kmnist())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ChromeNotFoundError(), "need Chrome or Chromium, and there is none.*\n.*BROWSER_PATH"),
        (BrowserFailedError("libnss3 is missing\nand more"), "does not start: libnss3 is missing$"),
    ],
)
def test_without_a_chrome_it_is_said(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(kaleido, "write_fig_from_object_sync", fail)
    with pytest.raises(InputError, match=said):
        png(studies.kmnist())


def test_a_name_that_no_file_may_have_is_changed() -> None:
    assert _file_name("slice_größe/../x y") == "slice_größe_.._x_y"
