"""A campaign file: defaults, overrides, and an error for each way of getting it wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from discover.config import CampaignConfig, dump_campaign, load_campaign
from discover.config_errors import section_of
from discover.errors import InputError


@pytest.fixture
def write(tmp_path):
    def _write(text):
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return path

    return _write


def error_of(path, *args):
    with pytest.raises(InputError) as caught:
        load_campaign(path, *args)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(str(path), "c.yaml")


def test_defaults_are_those_of_the_design(write):
    config = load_campaign(write("system: Si-Ge\n"))
    assert config.potential == "7net-0"
    assert (config.search.searcher, config.search.candidates, config.search.atoms) == ("genetic", 120, [2, 8])
    assert (config.relax.fmax_eV_A, config.relax.max_steps, config.search.pressure_GPa) == (0.05, 300, 0)


def test_written_configuration_reads_back_the_same(write):
    config = load_campaign(write("system: TiC\nsearch: {atoms: [2, 6], space_groups: [225]}\nseed: 4\n"))
    assert load_campaign(write(dump_campaign(config))) == config


BAD = {
    "system: Xx-Ge": "c.yaml:1: system: unknown element 'Xx'; write symbols, as in Si-Ge or TiC",
    "system: TiC\nsearch:\n  atoms: [3, 3]": "c.yaml:3: search.atoms: no cell of 3 to 3 atoms holds whole formula "
    "units of 2 atoms; allow a multiple of 2",
    "system: Si\nsearch:\n  candidtes: 3": "c.yaml:3: search.candidtes: unknown key; did you mean 'candidates'?",
    "system: Si\nsearch: {candidates: 0}": "c.yaml:2: search.candidates: must be at least 1 (is 0)",
    "system: Si\nsearch:\n  annealing: {t_start_K: -4}": "c.yaml:3: search.annealing.t_start_K: must be more than 0 "
    "(is -4)",
    "system: Si\nsearch:\n  space_groups: [231]": "c.yaml:3: search.space_groups[0]: must be at most 230 (is 231)",
    "system: Si\nsystem: Ge": "c.yaml:2: system: given twice (first in line 1); keep one",
    "system: Si\nsearch:\n  pressure: 10": "c.yaml:3: search.pressure: unknown key; did you mean 'pressure_GPa'?",
    "system: Al4O30": "c.yaml:1: search.atoms: no cell of 2 to 8 atoms holds whole formula units of 17 atoms; "
    "allow a multiple of 17",
    "system: sige": "c.yaml:1: system: 'sige' is neither a formula (TiC) nor a system (Ti-C)",
    "system: NO": "c.yaml:1: system: must be text (YAML reads it as false); put it in quotes",
    "system: Si\ncandidates: 9": "c.yaml:2: candidates: unknown key; did you mean 'search.candidates'?",
    "system: Si\nsearch: {candidates: true}": "c.yaml:2: search.candidates: must be a whole number (is true)",
    "system: Si\nsearch: {hours: yes}": "c.yaml:2: search.hours: must be a number (is true)",
    "system: Si\nsearch: {pressure_GPa: .nan}": "c.yaml:2: search.pressure_GPa: must be a finite number (is nan)",
    "system: Si\nsearch:\nseed: 2": "c.yaml:2: search: must be keys and values (is empty)",
    "system: Si\nsearch: {atoms: [2]}": "c.yaml:2: search.atoms: must have at least 2 values (has 1)",
    "system: Si\nsearch:\n  annealing: {t_start_K: 100, t_end_K: 300}": "c.yaml:3: search.annealing.t_end_K: must be "
    "at most t_start_K, 100 (is 300)",
    "system: Si\nsearch:\n  genetic: {operators: {mate: 1}}": "c.yaml:3: search.genetic.operators: unknown operator "
    "'mate'; there are ",
    "system: Si\nsearch:\n  pareto: {objectives: {hardness: max}}": "c.yaml:3: search.pareto.objectives: unknown "
    "objective 'hardness'; there are bulk_modulus_GPa, density_g_cm3, mean_mass_u, shortest_distance_A, "
    "volume_A3_per_atom (the energy above the hull is always one)",
    "system: Si\nsearch:\n  pareto: {objectives: {density_g_cm3: high}}": "c.yaml:3: "
    "search.pareto.objectives.density_g_cm3: must be 'min' or 'max' (is 'high')",
    "system: Si\nsearch:\n  pareto: {objectives: {}}": "c.yaml:3: search.pareto.objectives: a Pareto search needs at "
    "least one objective beside the energy, as in {density_g_cm3: max}",
    "system: Si\ndevice: gpu": "c.yaml:2: device: must be auto, cpu, cuda or cuda:N (is 'gpu')",
    "system: Si\nproperties: [validating]": "c.yaml:2: properties[0]: unknown stage 'validating'; did you mean "
    "'validate'?",
    "system: Si\n1: 2": "c.yaml:2: a key must be a word (is '1')",
    "system: Si\nreferences: 2020-13-45": "c.yaml: broken YAML (month must be in 1..12); put the value in quotes",
    "a: &a [*a]": "c.yaml: is nested too deeply for a campaign",
    "system: Si\nsearch: {min_distance_scale: 2}": "c.yaml:2: search.min_distance_scale: must be at most 1.2 (is 2)",
    "system: Si\nrelax: {compile: maybe}": "c.yaml:2: relax.compile: must be 'auto', 'on' or 'off' (is 'maybe')",
    "": "c.yaml: must hold keys and values, as in `system: Si-Ge`",
    "system: Si\nanchor: {budget: 0}": "c.yaml:2: anchor.budget: must be at least 1 (is 0)",
    "system: Si\nanchor: {files: [nope.json], calculator: none}": "c.yaml:2: anchor.files[0]: no such file: nope.json",
    "system: Si\nanchor: {files: [nope.json]}": "c.yaml:2: anchor.files: energies of files and of a calculator are two "
    "methods; write calculator: none with files",
    "system: Si\nanchor: {calculator: none}": "c.yaml:2: anchor.calculator: none needs files with DFT energies; give "
    "anchor.files, or a calculator",
    "system: Si\nsearch:\n  start_from: [nope.cif]": "c.yaml:3: search.start_from[0]: no such file: nope.cif",
    "system: Si\nreferences: nope.json": "c.yaml:2: references: no such file: nope.json",
    "system: Si\nsearch:\n  searcher: pso": "c.yaml:3: search.searcher: must be "
    "'random', 'genetic', 'annealing', 'hopping', 'pareto' or 'portfolio' (is 'pso')",
    "system: Si\nsearch:\n  candidates: many": "c.yaml:3: search.candidates: must be a whole number (is 'many')",
    "system: Si\nsearch:\n  atoms: [8, 2]": "c.yaml:3: search.atoms: must be [fewest, most] with "
    "1 <= fewest <= most (is [8, 2])",
    "system: Si\nsearch:\n  candidates: null": "c.yaml:2: search: needs an end: give candidates, model_calls or hours",
    "system: Si\nladder:\n  rerank: {potental: emt}": "c.yaml:3: ladder.rerank.potental: unknown key; did you mean "
    "'potential'?",
    "system: Si\nladder: {rerank: {most: 0}}": "c.yaml:2: ladder.rerank.most: must be at least 1 (is 0)",
    "system: Si\nladder: {rerank: {device: gpu}}": "c.yaml:2: ladder.rerank.device: must be auto, cpu, cuda or cuda:N "
    "(is 'gpu')",
    "system: Si\nrerank: {}": "c.yaml:2: rerank: unknown key; did you mean 'ladder.rerank'?",
    "sytem: Si": "c.yaml:1: sytem: unknown key; did you mean 'system'? (and 1 more)",
    "- a list": "c.yaml: must hold keys and values, as in `system: Si-Ge`",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_input_is_one_line_that_says_where_and_how(write, text):
    message = error_of(write(text))
    # Operators come one file at a time: their list is not pinned
    assert message.startswith(BAD[text]) if BAD[text].endswith("there are ") else message == BAD[text]


def test_broken_yaml_names_its_line(write):
    assert error_of(write("system: Si\nsearch: [")).startswith("c.yaml:2: broken YAML")


def test_switches_need_no_quotes(write):
    assert load_campaign(write("system: Si\nrelax: {compile: off}\n")).relax.compile == "off"
    assert load_campaign(write("system: Si\nrelax: {fmax_eV_A: 1e-3}\n")).relax.fmax_eV_A == 1e-3


def test_files_are_found_beside_the_campaign(write, tmp_path):
    (tmp_path / "known.cif").write_text("")
    config = load_campaign(write("system: Si\nsearch: {start_from: [known.cif]}\n"))
    assert config.search.start_from == [tmp_path / "known.cif"]


def test_a_missing_file_is_named(tmp_path):
    assert error_of(tmp_path / "none.yaml") == "c.yaml: no such file"


def test_overrides_win_and_are_blamed_by_name(write):
    path = write("system: Si\nsearch: {candidates: 5}\n")
    config = load_campaign(path, ["search.candidates=9", "search.atoms=[2, 4]"], 3)
    assert (config.search.candidates, config.search.atoms, config.seed) == (9, [2, 4], 3)
    assert error_of(path, ["search.candidates=-1"]) == "--set: search.candidates: must be at least 1 (is -1)"
    assert error_of(path, ["search.candidates"]).startswith("--set search.candidates: write key=value")
    assert error_of(path, ["references=no.json"]) == "--set: references: no such file: no.json"
    assert error_of(path, [], -1) == "--seed: seed: must be at least 0 (is -1)"
    assert error_of(path, ["system.x=1"]).startswith("--set system.x=1: system has no keys")


@given(st.text(min_size=1, max_size=30))
def test_no_text_as_a_system_ends_in_anything_but_a_space_or_an_input_error(text):
    try:
        config = CampaignConfig(system=text)
    except ValidationError as error:
        assert "system" in str(error) or "atoms" in str(error)
    else:
        assert config.system == text


PIECES = st.sampled_from(
    [
        *("system: Si-Ge\n", "search:\n", "  atoms: [1, 2]\n", "relax: ", "seed", "1", ".inf", "2001-02-30", "!!int x"),
        *("  ", "{", "}", "[", "]", "&a ", "*a", "? ", ": ", "- ", "<<: ", "'", '"', "\n", "\t", "\x00", "#"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_file_ends_in_anything_but_a_campaign_or_one_line(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text)
    try:
        load_campaign(path)
    except InputError as error:
        assert "\n" not in str(error)


ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "campaign-yaml.md").read_text()


def keys(section, prefix=""):
    for name, field in section.model_fields.items():
        below = section_of(field.annotation)
        if below is not None:
            yield from keys(below, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_key_has_its_row_in_the_page_and_no_other_has():
    rows = set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE))
    assert rows == set(keys(CampaignConfig))


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_page_s_examples_are_campaigns(write, example):
    load_campaign(write(example))


@pytest.mark.parametrize("path", sorted((ROOT / "campaigns").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_campaigns_that_ship_are_campaigns(path):
    assert load_campaign(path).system
