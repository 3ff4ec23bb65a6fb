"""Samplers, which propose the hyperparameters of the next trial.

Each sampler of a study file is one class: its keys are the fields, and `make` returns Optuna's sampler.
"""

from typing import Annotated

from pydantic import Field

from sweep.definition.sampler.evolutionary import CMAES, NSGAII, NSGAIII
from sweep.definition.sampler.imported import CustomSampler, OptunaHub
from sweep.definition.sampler.model_based import GP, TPE
from sweep.definition.sampler.space_filling import QMC, Grid, Random

__all__ = [
    "CMAES",
    "GP",
    "NSGAII",
    "NSGAIII",
    "QMC",
    "TPE",
    "CustomSampler",
    "Grid",
    "OptunaHub",
    "Random",
    "Sampler",
]

Sampler = Annotated[
    TPE | Random | QMC | Grid | GP | CMAES | NSGAII | NSGAIII | CustomSampler | OptunaHub,
    Field(discriminator="name"),
]
