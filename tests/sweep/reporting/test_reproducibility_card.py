import dataclasses

from sweep.reporting.reproducibility_card import reproducibility_card
from tests.sweep.reporting import synthetic_studies as studies


def test_card_names_the_origin_of_the_results() -> None:
    provenance = {"git_commit": "abc123", "git_dirty": True, "data_sha256": "def456"}
    text = reproducibility_card(dataclasses.replace(studies.kmnist(), provenance=provenance))
    assert "hyperparameters that maximize val_accuracy." in text
    assert all(name in text for name in studies.SPACE)
    assert "The study has 30 trials: " in text
    assert "GPU hours." in text
    assert "30 different seeds (0, 1, 2, 3, 4, 5, 6, …, 29)." in text
    assert "commit abc123 with uncommitted changes." in text
    assert "checksum of the data is def456." in text


def test_card_names_the_versions() -> None:
    text = reproducibility_card(studies.kmnist())
    assert "68594 without uncommitted changes." in text
    assert text.endswith("The versions were Python 3.11.9, keras 3.15.0, tensorflow 2.21.0, optuna 5.0.0.")


def test_card_states_what_is_unknown() -> None:
    text = reproducibility_card(dataclasses.replace(studies.empty(), provenance={}))
    assert "The commit of the code was not recorded." in text
    assert "checksum of the data was not recorded." in text
    assert "The versions of the packages were not recorded." in text
