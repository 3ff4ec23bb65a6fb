import subprocess
import sys

import pytest

from capsmodel.required_packages import BACKENDS, REQUIRED, check_required_packages


def import_without(hidden, module):
    """Import a module in a new process in which the hidden packages cannot be imported."""
    code = f"import sys; sys.modules |= dict.fromkeys({hidden!r}); import {module}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["capsmodel.train", "capsmodel.evaluate", "capsmodel.data"])
@pytest.mark.parametrize("hidden", [["keras"], ["PIL", "pooch"], ["sklearn"], list(REQUIRED)])
def test_missing_package_raises_one_error_that_names_extra(hidden, module):
    imported = import_without(hidden, module)
    assert imported.returncode == 1
    assert imported.stderr.count("Traceback (most recent call last)") == 1
    assert imported.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: capsmodel requires packages that are not installed: {', '.join(hidden)}; "
        "run: pip install 'capsweep[capsnet]'"
    )


def test_tensorflow_is_reported_missing_if_no_backend_is_installed():
    imported = import_without(list(BACKENDS), "capsmodel")
    assert "not installed: tensorflow; run: pip install 'capsweep[capsnet]'" in imported.stderr


def test_import_succeeds_with_one_backend():
    hidden = [name for name in BACKENDS if name != "tensorflow"]
    assert import_without(hidden, "capsmodel").returncode == 0


def test_error_has_name_of_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        check_required_packages()
    assert raised.value.name == "keras"
