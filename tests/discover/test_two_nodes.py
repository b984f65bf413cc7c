"""A campaign on a cluster of two nodes loses nothing with one of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from discover import RunFolder
from tests.discover.ray_nodes import cluster, kill, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are told apart by /proc")

ROOT = Path(__file__).parents[2]
CANDIDATES = 100
CAMPAIGN = f"""
system: Cu-Au
potential: ase:tests.discover.fakes:Slow
search: {{searcher: random, candidates: {CANDIDATES}, atoms: [2, 4], prototypes: false}}
"""


def finished(out):
    return {r.id: r for r in RunFolder.open(out).store.history()} if (out / "candidates.db").exists() else {}


def test_a_node_that_dies_costs_no_finished_candidate_and_another_takes_its_place(tmp_path):
    """Head and second node run one worker each; the second is killed, then a third joins."""
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    out, said, hurry = tmp_path / "run", tmp_path / "said", tmp_path / "hurry"
    with cluster() as nodes:
        nodes.environment |= {"HURRY": str(hurry), "PYTHONPATH": str(ROOT)}
        nodes.join()
        nodes.join()
        until(lambda: nodes.alive() == 2, "the second node did not join")
        command = [sys.executable, "-c", "from discover.cli import main; main()", "run"]
        with said.open("w") as log:
            run = subprocess.Popen(
                [*command, tmp_path / "campaign.yaml", "--out", out, "--ray-address", nodes.address, "--workers", "2"],
                cwd=ROOT,
                env=nodes.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: run.poll() is not None or len(finished(out)) >= 4, "nothing was relaxed")
            assert [len(nodes.workers(node)) for node in (0, 1)] == [1, 1], said.read_text()
            kept = finished(out)
            kill(nodes.raylet(1))
            until(lambda: "a worker is lost with its node" in said.read_text(), "the death went unnoticed")
            before = len(finished(out))
            until(lambda: len(finished(out)) > before, "the head's worker did not go on alone")
            nodes.join()
            until(lambda: "a worker has joined: 2 of 2 workers are there" in said.read_text(), "it was not used")
            assert len(nodes.workers(2)) == 1
            hurry.touch()
            assert run.wait(180) == 0, said.read_text()
        finally:
            kill(run.pid)
            run.wait()
    history = RunFolder.open(out).store.history()
    assert sorted(r.id for r in history) == list(range(len(history)))
    # What a worker's surrogate rules out before the first model call is not charged to the budget
    free = [r for r in history if not r.model_calls and (r.fate == "pruned" or r.reason.startswith("falls into"))]
    assert len(history) - len(free) == CANDIDATES
    assert {r.id: r for r in history if r.id in kept} == kept
    assert not [r.reason for r in history if "worker" in r.reason]
    assert "candidates begin anew: 1 of 2 workers are there" in said.read_text()
