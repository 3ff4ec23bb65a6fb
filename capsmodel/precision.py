"""Which number format a trial's matrix products use: `auto` asks the machine."""

import functools
import time
from pathlib import Path
from typing import NamedTuple

from keras import ops

SIDE = 2048  # of the matrices that are timed: large enough to occupy a GPU
ROUNDS = 3
WORTHWHILE = 1.25  # times as fast; less than that is not worth the coarser numbers


class Precision(NamedTuple):
    """A Keras dtype policy, and how it came to be chosen."""

    policy: str  # "float32" or "mixed_bfloat16"
    reason: str


def choose_precision(precision: str, checkpoint_dir: Path) -> Precision:
    """The policy to train with.

    "auto" is mixed_bfloat16 where a bfloat16 matrix product is at least a quarter faster than a float32
    one, float32 elsewhere. It is decided once and kept with the checkpoints: a trial that goes on, on
    whatever machine, goes on in the precision it began with.

    Args:
        precision: one of `config.PRECISIONS`.
        checkpoint_dir: the trial's; exists.
    """
    if precision != "auto":
        return Precision(precision, "as the study says")
    kept = checkpoint_dir / "precision.txt"
    if kept.exists():
        return Precision(kept.read_text(), "as this trial began")
    speedup = bfloat16_speedup()
    policy = "mixed_bfloat16" if speedup >= WORTHWHILE else "float32"
    temporary = kept.with_suffix(".tmp")
    temporary.write_text(policy)
    temporary.replace(kept)
    return Precision(policy, f"auto: bfloat16 products are {speedup:.2f} times as fast as float32 ones here")


@functools.cache
def bfloat16_speedup() -> float:
    """How many times as fast as in float32 a matrix product is in bfloat16, on the device Keras uses."""
    matrices = {dtype: ops.ones((SIDE, SIDE), dtype) for dtype in ("float32", "bfloat16")}
    times: dict[str, list[float]] = {dtype: [] for dtype in matrices}
    for _ in range(1 + ROUNDS):  # the first compiles
        for dtype, matrix in matrices.items():
            started = time.perf_counter()
            ops.convert_to_numpy(ops.cast(ops.matmul(matrix, matrix)[0, 0], "float32"))  # waits for it
            times[dtype].append(time.perf_counter() - started)
    return min(times["float32"][1:]) / min(times["bfloat16"][1:])
