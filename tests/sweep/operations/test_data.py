"""Data sets fetched and verified with the functions that a study names."""

import os
from pathlib import Path

import pytest

from sweep.errors import InputError
from sweep.operations.data import fetch_data, verify_data

HOOKS = """
def prepare(dataset, data_dir):
    return f"prepared {dataset} in {data_dir}"

def verify(dataset, data_dir):
    if dataset == "damaged":
        raise OSError("digits.gz is damaged; fetch it again")
    return f"verified {dataset} in {data_dir}"
"""


def add_study(workplace: Path, name: str, text: str) -> None:
    toy = (workplace / "studies" / "toy.yaml").read_text().replace("name: toy", f"name: {name}")
    (workplace / "studies" / f"{name}.yaml").write_text(toy + text)


@pytest.fixture
def data_studies(workplace: Path) -> Path:
    """A workplace with two studies of the data set `mine`, a study of another one, and an invalid file."""
    (workplace / "data_hooks.py").write_text(HOOKS)
    add_study(workplace, "a", "dataset: mine\n")
    add_study(workplace, "b", "dataset: mine\ndata_dir: there\nprepare: data_hooks:prepare\n"
                              "verify: data_hooks:verify\n")  # fmt: skip
    add_study(workplace, "c", "dataset: other\nprepare: data_hooks:prepare\n")
    (workplace / "studies" / "broken.yaml").write_text("name: [")
    return workplace


def test_first_study_with_the_data_set_and_the_function_is_used(data_studies: Path) -> None:
    assert fetch_data("mine") == "prepared mine in there"
    assert verify_data("mine") == "verified mine in there"
    assert fetch_data("other") == "prepared other in None"


def test_given_folder_and_study_take_precedence(data_studies: Path) -> None:
    assert fetch_data("new", Path("here"), "c") == "prepared new in here"
    assert fetch_data("new", None, os.fspath(data_studies / "studies" / "b.yaml")) == "prepared new in there"


@pytest.mark.parametrize(
    ("dataset", "reference", "message"),
    [
        ("nothing", None, "has the data set 'nothing' and a `verify` function; data sets with one: mine\n"),
        ("other", None, "has the data set 'other' and a `verify` function"),
        ("mine", "a", "study a has no `verify` function\nadd `verify: package.module:function` to its file"),
        ("damaged", "b", "verify: data_hooks:verify failed: digits.gz is damaged; fetch it again"),
    ],
)
def test_data_that_cannot_be_verified_is_one_message(
    data_studies: Path, dataset: str, reference: str | None, message: str
) -> None:
    with pytest.raises(InputError) as error:
        verify_data(dataset, reference=reference)
    assert message in str(error.value)
