"""Imports run downwards only, and `discover --help` waits for none of the heavy ones."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("potentials", "searchers", "properties", "discover")
MAY_IMPORT = {
    "potentials": set(),
    "searchers": set(),
    "properties": {"potentials"},
    "discover": {"potentials", "searchers", "properties"},
}
HEAVY = ("torch", "pymatgen", "ray", "pyxtal", "ase", "numpy", "matplotlib")


def imported(path):
    """Top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_downwards(package):
    others = {*PACKAGES, "tests"} - {package} - MAY_IMPORT[package]
    wrong = {f: sorted(found) for f in (ROOT / package).rglob("*.py") if (found := others & set(imported(f)))}
    assert not wrong


def test_help_imports_nothing_heavy():
    program = f"""
import sys
from discover.cli import main
assert main(["--help"]) == 0
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
sys.exit(f"loaded: {{loaded}}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("run", "status", "report", "hull", "compute", "export", "potentials"):
        assert f"\n  {command} " in done.stdout


def test_a_potential_s_name_is_checked_without_torch():
    program = """
import sys
from potentials import check_name
check_name("7net-0+d4")
sys.exit("torch is loaded" if "torch" in sys.modules else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
