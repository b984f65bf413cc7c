"""What is known of each element before any calculation; arrays are indexed by atomic number, 0 to 118."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def _to_118(values: Sequence[float]) -> np.ndarray:
    """Nothing is known of the elements beyond the last one given."""
    return np.array([*values, *[0.0] * (119 - len(values))])


# Pauling's scale: Allred, J. Inorg. Nucl. Chem. 17, 215 (1961) and CRC Handbook; 0 where there is no value.
ELECTRONEGATIVITY = _to_118([
    0, 2.2, 0, 0.98, 1.57, 2.04, 2.55, 3.04, 3.44, 3.98, 0, 0.93, 1.31, 1.61, 1.9, 2.19, 2.58, 3.16, 0, 0.82,
    1, 1.36, 1.54, 1.63, 1.66, 1.55, 1.83, 1.88, 1.91, 1.9, 1.65, 1.81, 2.01, 2.18, 2.55, 2.96, 3, 0.82, 0.95,
    1.22, 1.33, 1.6, 2.16, 1.9, 2.2, 2.28, 2.2, 1.93, 1.69, 1.78, 1.96, 2.05, 2.1, 2.66, 2.6, 0.79, 0.89, 1.1,
    1.12, 1.13, 1.14, 1.13, 1.17, 1.2, 1.2, 1.1, 1.22, 1.23, 1.24, 1.25, 1.1, 1.27, 1.3, 1.5, 2.36, 1.9, 2.2,
    2.2, 2.28, 2.54, 2, 1.62, 2.33, 2.02, 2, 2.2, 2.2, 0.7, 0.9, 1.1, 1.3, 1.5, 1.38, 1.36, 1.28, 1.3, 1.3,
    1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3,
])  # fmt: skip

# Volume of an atom in the element at ambient conditions, from densities (CRC Handbook), Å^3; of its molecular
# crystal or liquid where there are molecules; 0 where unknown.
ELEMENTAL_VOLUME_A3 = _to_118([
    0, 19, 34.9, 21.6, 8.1, 7.3, 8.8, 22.5, 28.8, 18.6, 22, 39.5, 23.2, 16.6, 20, 28.3, 25.8, 28.9, 37.5,
    76.3, 43.5, 24.9, 17.7, 13.8, 12, 12.2, 11.8, 11.1, 10.9, 11.8, 15.2, 19.6, 22.6, 21.5, 27.3, 32.8, 46.5,
    92.6, 56.4, 33, 23.3, 18, 15.6, 14.3, 13.6, 13.7, 14.2, 17.1, 21.6, 26.2, 27.1, 30.2, 34, 42.7, 59.6,
    117.8, 63.4, 37.2, 34.4, 34.5, 34.2, 33.6, 33.2, 48.1, 33, 32, 31.6, 31.1, 30.7, 31.7, 41.2, 29.5, 22.3,
    18, 15.7, 14.7, 14, 14.1, 15.1, 17, 23.4, 28.6, 30.3, 35.4, 38.1, 0, 83.9, 0, 68.2, 37.4, 32.9, 25.2,
    20.7, 19.2, 20.4, 29.3, 30, 28, 27.4, 47.4, 0, 0, 0, 0,
])  # fmt: skip
