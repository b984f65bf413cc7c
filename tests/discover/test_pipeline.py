"""The pipeline: nothing finished is lost or done twice, what fails stays alone, what is found goes where it should."""

import json
import shutil
from dataclasses import replace

import pytest
from ase.build import bulk

from discover import Campaign, InputError, RunFolder
from discover.cli import main
from discover.compute.registry import computation
from discover.config import CampaignConfig, dump_campaign, load_campaign
from discover.free_energies import _source, temperature_hull
from discover.hull import build_hull
from discover.pipeline import pipeline as pipeline_module
from discover.pipeline.hits import Hit, hits_of
from discover.pipeline.offers import read_offers, write_offers
from discover.pipeline.pipeline import BEYOND_REST, Pipeline
from discover.pipeline.record import HitRecord, properties_csv, read_properties
from discover.pipeline.results import StageResult, inputs_of, read_result, structure_from, structure_json, write_result
from discover.pipeline.stages import REST, Stage, planned
from discover.pipeline.tasks import LocalWorkers, PotentialSpec, RayWorkers
from discover.progress import Silent
from discover.ray_cluster import start_ray
from discover.records import CandidateRecord, HullEntry
from potentials import UnknownPotentialError, load
from tests.discover import fake_stages

EMT = load("emt").metadata.to_json()
STAGES = {"soft": ("rest",), "softer": ("soft",), "alone": ()}


def entry(id, formula, above=0.0, composition=None):
    composition = composition or {formula: 1.0}
    return HullEntry(id, formula, composition, -1.0, 0.0, above, 225, above == 0)


CU, AL = Hit(entry(1, "Cu"), bulk("Cu", a=3.6)), Hit(entry(2, "Al"), bulk("Al", a=4.0))


@pytest.fixture
def no_report(monkeypatch):
    """Drawing it takes seconds."""
    monkeypatch.setattr(RunFolder, "write_results", lambda self: None)


@pytest.fixture(scope="module")
def ray_here():
    """Ray takes seconds to start."""
    import ray

    start_ray(ray, None, 2)
    yield
    ray.shutdown()


@pytest.fixture
def calls(monkeypatch):
    told = []
    fake_stages.install(monkeypatch, told, **STAGES)
    return told


def run(folder, stages, hits=(CU, AL), potential=EMT, start=None, **options):
    made = Pipeline(folder, hits, planned(stages), potential, Silent(), **options)
    return made.run(start or (lambda most: LocalWorkers(PotentialSpec("emt"))))


def test_every_stage_runs_once_after_what_it_needs(tmp_path, calls):
    ended = run(tmp_path, {"softer": {}, "alone": {}})
    assert all(r.done for r in ended.values())
    for formula in ("Cu", "Al"):
        order = [stage for stage, f, _ in calls if f == formula]
        assert sorted(order) == ["alone", "soft", "softer"] and order.index("soft") < order.index("softer")
    atoms = structure_from(ended[1, REST].result["structure"])
    assert ended[1, REST].result["max_force_eV_A"] <= 1e-4
    # The stage was given the crystal at rest, not the one that the search had left
    energy = load("emt").calculator().get_potential_energy(atoms)
    assert ended[1, "soft"].result["value"] == pytest.approx(energy, abs=1e-12)
    assert ended[1, "alone"].result["value"] != pytest.approx(energy, abs=1e-6)


def test_files_hold_the_result_and_all_that_went_into_it(tmp_path, calls):
    run(tmp_path, {"soft": {"strength": 2.0}}, [CU])
    text = (tmp_path / "properties" / "1" / "soft.json").read_text()
    found = json.loads(text)
    assert "NaN" not in text and found["nothing"] is None and len(found["temperatures_K"]) == 51
    assert found["stage"] == "soft" and found["status"] == "done" and found["reason"] == ""
    assert found["potential"]["name"] == "emt" and found["settings"]["strength"] == 2.0 and found["seconds"] >= 0
    assert set(found["inputs"]) == {"hash", "structure", "potential", "settings", "pressure_GPa", "version"}


def test_a_second_run_computes_nothing(tmp_path, calls):
    first = run(tmp_path, {"softer": {}})
    calls.clear()

    def never(most):
        raise AssertionError("workers were started for nothing")

    assert run(tmp_path, {"softer": {}}, start=never) == first and calls == []


def test_a_changed_setting_recomputes_exactly_its_stage(tmp_path, calls):
    run(tmp_path, {"softer": {}, "alone": {}, "soft": {}})
    calls.clear()
    run(tmp_path, {"softer": {}, "alone": {}, "soft": {"strength": 3.0}})
    assert sorted(calls) == [("soft", "Al", 3.0), ("soft", "Cu", 3.0)]


def test_what_decides_a_result_decides_its_hash():
    stage = Stage("soft", {"strength": 1.0}, ("rest",), 1)
    before = inputs_of(CU.atoms, EMT, stage, 0.0)["hash"]
    moved = CU.atoms.copy()
    moved.cell[0, 1] += 1e-12
    others = [
        (moved, EMT, stage, 0.0),
        (CU.atoms, EMT | {"checkpoint_sha256": "f" * 64}, stage, 0.0),
        (CU.atoms, EMT | {"parameters": {"dtype": "float64"}}, stage, 0.0),
        (CU.atoms, EMT, Stage("soft", {"strength": 1.1}, ("rest",), 1), 0.0),
        (CU.atoms, EMT, Stage("soft", {"strength": 1.0}, ("rest",), 2), 0.0),
        (CU.atoms, EMT, Stage("softer", {"strength": 1.0}, ("rest",), 1), 0.0),
        (CU.atoms, EMT, stage, 5.0),
    ]
    hashes = [inputs_of(*other)["hash"] for other in others]
    assert len({before, *hashes}) == len(others) + 1
    # What is on disk comes back to the last digit, or a resumed run would compute all again
    again = structure_from(json.loads(json.dumps(structure_json(CU.atoms))))
    assert inputs_of(again, EMT, stage, 0.0)["hash"] == before


def test_a_failure_says_why_and_stops_nothing_else(tmp_path, calls):
    ended = run(tmp_path, {"softer": {}, "alone": {}, "soft": {"fails_on": "Al"}})
    assert ended[2, "soft"].status == "failed" and ended[2, "soft"].reason == "Al is too soft"
    assert ended[2, "softer"].reason == "soft failed: Al is too soft"
    assert ended[2, "alone"].done and all(ended[1, name].done for name in ("soft", "softer", "alone", REST))
    assert ("softer", "Al", 1.0) not in calls
    calls.clear()
    run(tmp_path, {"softer": {}, "alone": {}, "soft": {"fails_on": "Al"}})
    assert calls == []
    run(tmp_path, {"softer": {}, "alone": {}, "soft": {"fails_on": "Al"}}, retry_failed=True)
    assert calls == [("soft", "Al", 1.0)]
    calls.clear()
    ended = run(tmp_path, {"softer": {}, "alone": {}, "soft": {}}, [AL])
    assert calls == [("soft", "Al", 1.0), ("softer", "Al", 1.0)] and ended[2, "softer"].done


def test_a_fault_of_a_stage_is_kept_with_its_traceback(tmp_path, calls, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("no such luck")

    monkeypatch.setattr(computation("alone"), "compute", broken)
    ended = run(tmp_path, {"alone": {}, "soft": {}}, [CU])
    assert ended[1, "alone"].reason == "ZeroDivisionError: no such luck" and ended[1, "soft"].done
    assert "in broken" in read_result(tmp_path, 1, "alone").fault


def test_what_does_not_come_to_rest_blocks_what_needs_rest(tmp_path, calls):
    """Atoms so close that the relaxer refuses them."""
    close = Hit(entry(3, "Cu"), bulk("Cu", a=0.9))
    ended = run(tmp_path, {"softer": {}, "alone": {}}, [close, CU])
    assert not ended[3, REST].done and "does not come to rest" in ended[3, REST].reason
    assert ended[3, "softer"].reason == ended[3, "soft"].reason == f"rest failed: {ended[3, REST].reason}"
    assert ended[3, "softer"].inputs is None and ended[1, "softer"].done


@pytest.mark.parametrize("at", range(8))
def test_killed_at_any_instant_it_goes_on_without_loss(at, tmp_path, calls, monkeypatch):
    """The kill comes right before or right after the n-th file is there."""
    written, real = [], pipeline_module.write_result

    def killed(folder, id, found):
        if len(written) == at // 2:
            if at % 2:
                real(folder, id, found)
            raise KeyboardInterrupt
        real(folder, id, found)
        written.append(found.stage)

    monkeypatch.setattr(pipeline_module, "write_result", killed)
    told = set()  # a result that is kept has made its offers
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, {"softer": {}, "alone": {}}, on_result=lambda hit, found: told.add((str(hit.id), found.stage)))
    kept = sorted((tmp_path / "properties").glob("*/*.json"))
    assert {(f.parent.name, f.stem) for f in kept} <= told
    before = {f: f.read_bytes() for f in kept}
    assert len(kept) == at // 2 + at % 2
    calls.clear()
    monkeypatch.setattr(pipeline_module, "write_result", real)
    ended = run(tmp_path, {"softer": {}, "alone": {}})
    assert all(r.done for r in ended.values()) and {f: f.read_bytes() for f in kept} == before
    assert len(calls) == sum(name != REST for _, name in ended) - sum(f.stem != REST for f in kept)


def test_half_a_file_is_no_result(tmp_path, calls):
    run(tmp_path, {"soft": {}}, [CU])
    file = tmp_path / "properties" / "1" / "soft.json"
    file.write_text(file.read_text()[:100])
    calls.clear()
    assert run(tmp_path, {"soft": {}}, [CU])[1, "soft"].done and len(calls) == 1


def validation(*failed, ok=None):
    checks = [{"name": name, "passed": name not in failed} for name in ("forces (as given)", "pair Cu-Cu", *failed)]
    return StageResult("validate", "done", EMT, {}, result={"checks": checks}, ok=not failed if ok is None else ok)


def test_a_broken_law_blocks_and_insisting_goes_on(tmp_path, calls, monkeypatch):
    fake_stages.install(monkeypatch, calls, needy=("validate",))
    stages = {"needy": {}, "validate": {"only": ["derivatives"]}}
    run(tmp_path, stages, [CU])
    assert len(calls) == 1
    kept = read_result(tmp_path, 1, "validate")
    assert kept.ok
    broken = validation("forces (as given)")
    write_result(tmp_path, 1, StageResult(**{**vars(kept), "ok": False, "result": broken.result}))
    # What was computed before stands; with another setting it may not be computed
    assert run(tmp_path, stages, [CU])[1, "needy"].done
    stages["needy"] = {"strength": 2.0}
    reason = run(tmp_path, stages, [CU])[1, "needy"].reason
    assert reason.startswith("validate failed: forces (as given)") and len(calls) == 1
    assert run(tmp_path, stages, [CU], insist=True)[1, "needy"].done and len(calls) == 2
    assert run(tmp_path, stages, [CU])[1, "needy"].done and len(calls) == 2


def test_holes_far_from_rest_block_nothing():
    assert pipeline_module._against(validation("pair Cu-Cu")) == ""
    assert pipeline_module._against(validation("pair Cu-Cu", "translation")) == "translation"


def test_checks_that_block_nothing_are_checks_of_validate(tmp_path):
    validate = computation("validate")
    found = validate.compute(load("emt"), CU.atoms, validate.Settings(only=["smoothness", "short_distances"]), Silent())
    names = [c["name"] for c in found.json["checks"]]
    assert all(name.startswith(BEYOND_REST) for name in names)
    near = validate.compute(load("emt"), CU.atoms, validate.Settings(only=["derivatives", "invariances"]), Silent())
    assert not any(c["name"].startswith(BEYOND_REST) for c in near.json["checks"])


def test_a_stage_that_nobody_asked_for_is_the_brief_one(calls, monkeypatch):
    fake_stages.install(monkeypatch, calls, needy=("validate",))
    (implied, _) = planned({"needy": {}})
    assert implied.name == "validate" and implied.settings["only"] == ["derivatives", "invariances"]
    asked, _ = planned({"needy": {}, "validate": {"only": ["dynamics"]}})
    assert asked.settings["only"] == ["dynamics"]
    assert [s.name for s in planned({"needy": {}, "alone": {}, "soft": {}}, only=["soft"])] == [REST, "soft"]
    with pytest.raises(InputError, match="--only: 'hard' is no stage of this run"):
        planned({"soft": {}}, only=["hard"])
    fake_stages.install(monkeypatch, calls, hen=("egg",), egg=("hen",))
    with pytest.raises(InputError, match="need each other"):
        planned({"hen": {}})


def test_under_pressure_a_stage_that_knows_none_is_not_run(tmp_path, calls):
    ended = run(tmp_path, {"soft": {}, "alone": {}}, [CU], pressure_GPa=20.0)
    assert ended[1, REST].result["pressure_GPa"] == 20.0 and ended[1, "alone"].done
    assert ended[1, "soft"].reason == "soft knows nothing of pressure, and the structures are those at 20 GPa"
    settings = computation("phonons").Settings().model_dump(mode="json")
    (_, *_, phonons) = planned({"phonons": settings}, pressure_GPa=20.0)
    assert phonons.settings["pressure_GPa"] == 20.0 and phonons.bears_pressure


# Ray


def test_actors_find_what_one_process_finds(tmp_path, ray_here):
    stages = {"validate": {"only": ["derivatives"]}, "uncertainty": {}}
    one = run(tmp_path / "one", stages)
    ray = run(tmp_path / "ray", stages, start=lambda most: RayWorkers(PotentialSpec("emt"), 2, most))
    assert set(one) == set(ray)
    for key, found in one.items():
        assert (found.status, found.reason, found.inputs) == (ray[key].status, ray[key].reason, ray[key].inputs)
        if found.done:  # threads sum in another order
            values = [[c["passed"] for c in r.result["checks"]] for r in (found, ray[key])]
            assert values[0] == values[1]
    assert {r.status for (_, name), r in one.items() if name == "uncertainty"} == {"failed"}  # EMT has no domain


def test_a_potential_that_actors_cannot_load_is_one_line(ray_here):
    workers = RayWorkers(PotentialSpec("7net-nope"), 1, 1)
    with pytest.raises(UnknownPotentialError, match=r"^unknown potential '7net-nope'; did"):
        workers.metadata()
    workers.close()


def test_a_worker_that_dies_loses_only_its_stage(tmp_path, ray_here):
    killer = PotentialSpec("ase:tests.discover.fakes:Killer")
    silver = Hit(entry(3, "Ag"), bulk("Ag", a=4.1))
    stages = {"validate": {"only": ["invariances"]}}
    metadata = EMT | {"name": killer.name}
    ended = run(tmp_path, stages, [silver, CU], metadata, lambda most: RayWorkers(killer, 2, most))
    assert ended[3, "validate"].status == "failed"
    assert ended[3, "validate"].reason.startswith("its worker died 2 times: ")
    assert ended[1, "validate"].done
    assert read_result(tmp_path, 3, "validate").reason == ended[3, "validate"].reason


# Hits


def record_of(id, composition, energy):
    formula = "".join(f"{e}" for e in composition)
    return CandidateRecord(id, "random", (), formula, composition, 2, energy, "converged", "", None, 1, 1, 1, 0.0, 0.0)


def test_hits_are_all_that_is_stable_and_the_nearest_of_the_rest():
    half = {"Cu": 0.5, "Au": 0.5}
    history = [record_of(0, {"Cu": 1.0}, 0.0), record_of(1, {"Au": 1.0}, 0.0), record_of(2, half, -0.1)]
    history += [record_of(k, half, -0.1 + 0.01 * (9 - k)) for k in range(3, 9)]
    hull = build_hull("Cu-Au", ("Cu", "Au"), EMT, history)
    atoms = {0: CU.atoms}

    def atoms_of(id):
        if id == 1:
            raise KeyError(id)
        return atoms.get(id, AL.atoms)

    hits, bare = hits_of(hull, atoms_of, within_eV_per_atom=0.045, most=2)
    assert {h.id for h in hits if h.entry.on_hull} == {0, 2} and [h.id for h in hits][-2:] == [8, 7]
    assert [e.id for e in bare] == [1]
    assert len(hits_of(hull, atoms_of, 0.045, 50)[0]) == 2 + 4


# A whole campaign


CONFIG = {"system": "Cu-Au", "potential": "emt", "seed": 3}
CONFIG |= {"search": {"candidates": 6, "atoms": [1, 4], "prototypes": "elements"}}
QUICK = {"validate": {"only": ["derivatives"]}}


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cu-au"
    properties = {"stages": [QUICK], "most": 1}
    config = CampaignConfig.model_validate(CONFIG | {"properties": properties})
    return Campaign(config).run(out, workers=0), out


def copied(searched, tmp_path):
    shutil.copytree(searched[1], tmp_path / "run")
    return tmp_path / "run"


def test_a_campaign_hands_its_hits_over(searched):
    record, out = searched
    found = record.properties
    assert [h.id for h in found.hits if h.hit["on_hull"]] == [e.id for e in record.hull.entries if e.on_hull]
    assert len(found.hits) == sum(e.on_hull for e in record.hull.entries) + 1
    assert all(h.value("validate", "passed") in (True, False) for h in found.hits)
    lines = (out / "properties" / "properties.csv").read_text().splitlines()
    assert len(lines) == len(found.hits) + 1 and lines[0].startswith("id,formula,space_group")
    page = (out / "report" / "index.html").read_text()
    assert 'id="properties"' in page and 'id="temperature"' not in page


def test_properties_of_a_run_without_the_key(searched, tmp_path, calls, capsys, no_report):
    folder = copied(searched, tmp_path)
    words = ["properties", str(folder), "--only", "soft,alone", "--workers", "0", "--most", "1"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    title, head, *rows = out.splitlines()
    assert title.endswith("hits with emt") and head.split()[:2] == ["id", "formula"] and len(rows) >= 4
    assert "computing properties: 0/" in err
    n = len(calls)
    assert main([*words, "--json", "--set", "alone.strength=2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["potential"]["name"] == "emt" and len(calls) == n + len(found["hits"])
    assert {h["stages"]["alone"]["settings"]["strength"] for h in found["hits"]} == {2.0}
    assert load_campaign(folder / "campaign.yaml").properties.stages == [
        {"validate": computation("validate").Settings(**QUICK["validate"]).model_dump(mode="json")}
    ]


def test_the_hull_at_temperature_follows_from_what_was_found(searched, tmp_path, monkeypatch):
    """Every phase with the same vibrations: the hull at any temperature is the static one."""
    folder = copied(searched, tmp_path)
    fake_stages.install(monkeypatch, [], phonons=("rest",))
    assert main(["properties", str(folder), "--only", "phonons", "--workers", "0", "--most", "3"]) == 0
    warm = json.loads((folder / "hull_at_temperature.json").read_text())
    static = {e["id"]: e for e in json.loads((folder / "hull.json").read_text())["entries"]}
    assert len(warm["phases"]) >= 4 and warm["left_out"] == [] and warm["source"] == "phonons"
    for p in warm["phases"]:
        assert p["formation_free_energy_eV_per_atom"][30] == pytest.approx(
            static[p["id"]]["formation_energy_eV_per_atom"], abs=1e-9
        )
        assert (p["stable_K"] == [[0.0, 1000.0]]) == static[p["id"]]["on_hull"]
    page = (folder / "report" / "index.html").read_text()
    assert 'id="temperature-data"' in page and "Configurational entropy of mixing is not in it" in page
    # Without an element's vibrations there is no hull, and the page says which is missing
    for hit in read_properties(folder).hits:
        if hit.hit["formula"] == "Au":
            found = hit.results["phonons"]
            write_result(folder, hit.id, StageResult(**{**vars(found), "status": "failed", "reason": "melted"}))
    assert main(["report", str(folder)]) == 0
    warm = json.loads((folder / "hull_at_temperature.json").read_text())
    assert warm["reason"].startswith("Au has no phase with a free energy")
    assert {p["reason"] for p in warm["left_out"]} == {"phonons failed: melted"}
    page = (folder / "report" / "index.html").read_text()
    assert "Au has no phase with a free energy" in page and "1 failed" in page and "melted" in page


def test_a_dynamically_unstable_phase_is_left_out_and_named(searched, tmp_path, monkeypatch):
    folder = copied(searched, tmp_path)
    monkeypatch.setattr(RunFolder, "write_results", lambda self: None)
    fake_stages.install(monkeypatch, [], phonons=("rest",))
    assert main(["properties", str(folder), "--only", "phonons", "--workers", "0", "--most", "2"]) == 0
    last = read_properties(folder).hits[-1]
    unstable = dict(last.results["phonons"].result) | {"dynamically_stable": False, "min_frequency_THz": -1.5}
    write_result(folder, last.id, StageResult(**{**vars(last.results["phonons"]), "result": unstable}))
    record = replace(RunFolder.open(folder).record(), properties=read_properties(folder))
    warm = temperature_hull(record)
    (left_out,) = warm.left_out
    assert left_out.id == last.id and left_out.reason == "is dynamically unstable (lowest frequency −1.50 THz)"
    assert last.id not in [p.id for p in warm.hull.phases]


def test_an_unstable_phase_keeps_no_other_from_its_quasi_harmonic_energy():
    def hit(id, stable):
        results = {"phonons": StageResult("phonons", "done", EMT, {}, result={"dynamically_stable": stable})}
        warm = {"gibbs_energy_eV_per_atom": [0.0, -0.1]}
        results["thermal"] = StageResult("thermal", "done" if stable else "failed", EMT, {}, result=warm)
        return HitRecord({"id": id}, results)

    assert _source([hit(1, True), hit(2, False)]) == "thermal"
    assert _source([hit(1, True), HitRecord({"id": 3}, {"phonons": hit(3, True).results["phonons"]})]) == "phonons"


# What unstable hits lead to goes back to the search


def unstable(atoms, drop=5.0):
    followed = [{"q": [0, 0, 0], "frequency_THz": -1.0, "energy_drop_meV_per_atom": drop, "space_group": 1}]
    followed[0]["structure"] = structure_json(atoms) if drop > 0 else None
    return StageResult(
        "phonons", "done", EMT, {}, result={"followed": followed}, inputs={"hash": "0123456789abcdef"}
    )


def test_offers_are_taken_by_the_search_exactly_once(searched, tmp_path):
    folder = copied(searched, tmp_path)
    stranger = bulk("CuAu", "zincblende", a=5.2)
    assert write_offers(folder, 7, unstable(stranger)) == ["7-phonons-0123456789abcdef-0.extxyz"]
    assert write_offers(folder, 8, unstable(stranger, drop=0.0)) == []
    ((name, atoms),) = read_offers(folder, ())
    assert sorted(atoms.symbols) == ["Au", "Cu"] and read_offers(folder, [name]) == []
    config = CampaignConfig.model_validate(CONFIG)
    before = RunFolder.open(folder).store.history()
    first = Campaign(config).run(folder, workers=0, resume=True)
    (offered,) = [r for r in first.history if r.operator == "offer"]
    assert offered.id == max(r.id for r in before) + 1 and offered.fate in ("converged", "duplicate")
    assert len(first.history) == len(before) + 1  # beside the budget
    again = Campaign(config).run(folder, workers=0, resume=True)
    assert len(again.history) == len(first.history)


# What a user types


def written(tmp_path, text):
    file = tmp_path / "c.yaml"
    file.write_text(f"system: Cu-Au\npotential: emt\n{text}\n")
    return file


BAD = {
    "properties: elastic": "c.yaml:3: properties: must be a list of stages, as in [validate, elastic, phonons] "
    "(is 'elastic')",
    "properties: []": "c.yaml:3: properties.stages: must have at least 1 value (has 0)",
    "properties:\n  - validate\n  - phonon": "c.yaml:5: properties[1]: unknown stage 'phonon'; did you mean 'phonons'?",
    "properties: [rest]": "c.yaml:3: properties[0]: unknown stage 'rest'; it comes by itself where a stage needs it; "
    "leave it out",
    "properties:\n  - validate:\n      nve_step: 40": "c.yaml:5: properties[0].validate.nve_step: unknown key; did you "
    "mean 'nve_steps'?",
    "properties:\n  - validate: {nve_steps: 2}": "c.yaml:4: properties[0].validate.nve_steps: must be at least 20 "
    "(is 2)",
    "properties:\n  stages:\n    - validate: {nve_steps: few}": "c.yaml:5: properties.stages[0].validate.nve_steps: "
    "must be a whole number (is 'few')",
    "properties: [validate, validate]": "c.yaml:3: properties[1]: given twice; keep one",
    "properties: [[validate]]": "c.yaml:3: properties[0]: must be a stage, or one stage with its settings, "
    "as in phonons: {supercell_length_A: 12}",
    "properties: {insists: true}": "c.yaml:3: properties.insists: unknown key; did you mean 'insist'?",
    "properties: {most: 0}": "c.yaml:3: properties.most: must be at least 1 (is 0)",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_stage_is_one_line_with_its_place(text, tmp_path):
    with pytest.raises(InputError) as error:
        load_campaign(written(tmp_path, text))
    assert str(error.value) == f"{tmp_path}/{BAD[text]}"


def test_stages_are_written_out_and_read_back(tmp_path):
    text = "properties:\n  - uncertainty: {domain: own.npz}\n  - validate: {seed: 4}"
    config = load_campaign(written(tmp_path, text))
    uncertainty, validate = config.properties.stages
    assert uncertainty["uncertainty"]["domain"] == str(tmp_path / "own.npz")
    assert validate["validate"]["seed"] == 4 and validate["validate"]["nve_steps"] == 400
    again = tmp_path / "again.yaml"
    again.write_text(dump_campaign(config))
    assert load_campaign(again) == config
    assert load_campaign(written(tmp_path, "seed: 1"), ["properties=[validate]"]).properties.stages[0]["validate"]
    with pytest.raises(InputError, match=r"^--set: properties\[0\]: unknown stage 'valid'"):
        load_campaign(written(tmp_path, "seed: 1"), ["properties=[valid]"])


def test_the_command_refuses_in_one_line(searched, tmp_path, capsys, no_report):
    folder = copied(searched, tmp_path)
    for words, said in (
        (["--only", "hardness"], "--only: hardness: unknown stage 'hardness'; there are "),
        (["--set", "validate.seeds=3"], "--set: validate.seeds: unknown key; did you mean 'seed'?"),
        (["--set", "seed=3"], "--set seed=3: write stage.key=value"),
        (["--potential", "emd"], "properties.potential: "),
    ):
        assert main(["properties", str(folder), "--workers", "0", *words]) == 2, words
        err = capsys.readouterr().err.strip().splitlines()
        assert err[-1].startswith(said) and "Traceback" not in "".join(err), err
    assert main(["properties", str(tmp_path / "nowhere")]) == 2


def test_interrupted_it_says_how_to_go_on(searched, tmp_path, calls, monkeypatch, capsys):
    folder = copied(searched, tmp_path)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(computation("alone"), "compute", stopped)
    assert main(["properties", str(folder), "--only", "alone", "--workers", "0"]) == 130
    assert f"go on with: discover properties {folder}" in capsys.readouterr().err
    monkeypatch.undo()
    RunFolder.open(folder).begin()  # and lets go of the folder


def test_the_table_has_a_line_for_each_hit(searched):
    _, out = searched
    found = read_properties(out)
    rows = properties_csv(found).splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [str(h.id) for h in found.hits]
