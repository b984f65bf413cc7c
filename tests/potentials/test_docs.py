"""The examples of docs/potentials.md run as they stand."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "potentials.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_runs(example, capsys):
    exec(compile(example, str(PAGE), "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    if "silicon" in example:
        outcome, atoms, energy, _ = printed.split()
        assert (outcome, atoms) == ("converged", "2")
        assert float(energy) == pytest.approx(-5.403, abs=1e-3)
