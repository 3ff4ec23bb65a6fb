import subprocess
import sys

import pytest

from capsmodel.required_packages import BACKENDS, REQUIRED, check_required_packages


def import_without(hidden, module):
    """Import a module in a new process in which some packages are not installed."""
    code = f"import sys; sys.modules |= dict.fromkeys({hidden!r}); import {module}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("module", ["capsmodel.train", "capsmodel.evaluate", "capsmodel.data"])
@pytest.mark.parametrize("hidden", [["keras"], ["PIL", "pooch"], ["sklearn"], list(REQUIRED)])
def test_a_missing_package_raises_one_error_that_names_the_extra(hidden, module):
    imported = import_without(hidden, module)
    assert imported.returncode == 1
    assert imported.stderr.count("Traceback (most recent call last)") == 1
    assert imported.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: capsmodel requires packages that are not installed: {', '.join(hidden)}; "
        "run: pip install 'capsweep[capsnet]'"
    )


def test_without_any_backend_tensorflow_is_reported_as_missing():
    imported = import_without(list(BACKENDS), "capsmodel")
    assert "not installed: tensorflow; run: pip install 'capsweep[capsnet]'" in imported.stderr


def test_one_backend_is_enough():
    hidden = [name for name in BACKENDS if name != "tensorflow"]
    assert import_without(hidden, "capsmodel").returncode == 0


def test_the_error_carries_the_name_of_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        check_required_packages()
    assert raised.value.name == "keras"
