"""How many powers of ln V a row of volumes bears.

A smooth potential's frequencies are a low polynomial of ln V to many digits. A machine-learnt one's force constants
jump where a shell of neighbours passes a radius at which its cut-off function has a kink in its second derivative
(SevenNet's at 4.5 and 5 Å); then higher powers follow the jumps, and derivatives are lost. A power is taken where it at
least halves the leave-one-out error.
"""

from __future__ import annotations

import numpy as np

HIGHEST = 4
_WORTH = 0.5


def leave_one_out(x: np.ndarray, table: np.ndarray, degree: int) -> float:
    """Root mean square of what the polynomial through the others misses each row by; table (k, m) at x (k,)."""
    basis = (x[:, None] / np.abs(x).max()) ** np.arange(degree + 1)
    hat = basis @ np.linalg.pinv(basis)
    missed = (table - hat @ table) / (1 - np.diag(hat))[:, None]
    return float(np.sqrt(np.mean(np.abs(missed) ** 2)))


def best_degree(x: np.ndarray, table: np.ndarray) -> int:
    """1 to 4, leaving one row at least to tell by."""
    degree, error = 1, leave_one_out(x, table, 1)
    for higher in range(2, min(HIGHEST, len(x) - 2) + 1):
        found = leave_one_out(x, table, higher)
        if found <= _WORTH * error:
            degree, error = higher, found
    return degree
