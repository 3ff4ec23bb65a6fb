"""Choose the floating-point format of a trial's matrix products."""

import functools
import time
from pathlib import Path
from typing import NamedTuple

from keras import ops

SIDE = 2048  # the side of the multiplied matrices, which are large enough to occupy a GPU
NUM_ROUNDS = 3
SMALLEST_SPEEDUP = 1.25  # a smaller gain does not justify the lower precision


class Precision(NamedTuple):
    """A dtype policy and why it was chosen.

    Attributes:
        policy: A Keras dtype policy, "float32" or "mixed_bfloat16".
        reason: Why it was chosen.
    """

    policy: str
    reason: str


def choose_precision(precision: str, checkpoint_dir: Path) -> Precision:
    """Choose the dtype policy of a trial.

    "auto" selects mixed_bfloat16 if a matrix product is at least 1.25 times as fast in bfloat16 as in
    float32, and float32 otherwise. The choice is made once and stored with the checkpoints, so that a
    trial keeps its precision when it is resumed on another machine.

    Args:
        precision: One of `capsmodel.config.PRECISIONS`.
        checkpoint_dir: The trial's folder for checkpoints. It must exist.

    Returns:
        The dtype policy and the reason for it.
    """
    if precision != "auto":
        return Precision(precision, "set in the study")
    stored = checkpoint_dir / "precision.txt"
    if stored.exists():
        return Precision(stored.read_text(), "chosen when the trial started")
    speedup = bfloat16_speedup()
    policy = "mixed_bfloat16" if speedup >= SMALLEST_SPEEDUP else "float32"
    temporary = stored.with_suffix(".tmp")
    temporary.write_text(policy)
    temporary.replace(stored)
    return Precision(policy, f"auto: bfloat16 is {speedup:.2f} times as fast as float32 on this device")


@functools.cache
def bfloat16_speedup() -> float:
    """Measure how many times as fast a matrix product is in bfloat16 as in float32, on the device of Keras.

    The measurement is made once in each process.
    """
    matrices = {dtype: ops.ones((SIDE, SIDE), dtype) for dtype in ("float32", "bfloat16")}
    times: dict[str, list[float]] = {dtype: [] for dtype in matrices}
    for _ in range(1 + NUM_ROUNDS):  # the first round compiles
        for dtype, matrix in matrices.items():
            started = time.perf_counter()
            # The conversion to NumPy waits for the result.
            ops.convert_to_numpy(ops.cast(ops.matmul(matrix, matrix)[0, 0], "float32"))
            times[dtype].append(time.perf_counter() - started)
    return min(times["float32"][1:]) / min(times["bfloat16"][1:])
