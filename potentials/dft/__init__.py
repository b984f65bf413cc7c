"""DFT as a part of the program: settings, codes, calculations in processes of their own."""

from potentials.dft.codes import identity
from potentials.dft.pool import DFTPool
from potentials.dft.settings import CODES, Code, DFTError, DFTResult, DFTSettings
from potentials.dft.symmetric import symmetric_primitive

__all__ = ["CODES", "Code", "DFTError", "DFTPool", "DFTResult", "DFTSettings", "identity", "symmetric_primitive"]
