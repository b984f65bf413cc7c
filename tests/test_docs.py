"""The Python examples of the documentation run as they stand, each page in a process and a folder of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Each block begins with no names, and at its own line, so that a traceback points into the page.
RUN = """
import json, sys
for line, block in json.load(sys.stdin):
    exec(compile("\\n" * line + block, sys.argv[1], "exec"), {"__name__": "__main__"})
"""
# What a page says that its examples print
PRINTED = {
    "elastic": r"'53\.33', '32\.89', '36\.20'\] True\n39\.70 21\.88 367",
    "potentials": r"converged 2 -5\.40[234]",
    "validation": r"True 16",
    "searchers": r"-0\.01[56]\d eV/atom",
    "training": r"0\.2\d -> 0\.[01]\d eV/Å\n.*fine-tuned on 6 labels of 7net-l3i5\n\[1\]",
}
LONGEST_S = 300  # an example takes seconds; a busy machine imports torch in half a minute


def _blocks(page):
    """(lines before it, text) of each Python block."""
    text = page.read_text(encoding="utf-8")
    return [(text[: found.start(1)].count("\n"), found[1]) for found in PYTHON_BLOCK.finditer(text)]


EXAMPLES = {page: blocks for page in PAGES if (blocks := _blocks(page))}


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.stem)
def test_examples_run(page, tmp_path):
    (tmp_path / "campaigns").symlink_to(ROOT / "campaigns")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(page)],
        input=json.dumps(EXAMPLES[page]),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(PRINTED.get(page.stem, ""), done.stdout), done.stdout
