"""`discover compute`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from discover.cli.output import chatter_to_stderr, print_json, print_table
from discover.cli.reading import AsJson
from discover.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from discover.compute.quantum import Quantum
    from discover.compute.registry import Computation, Computed
    from potentials import Potential


def compute(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="One of barrier, conductivity, elastic, exfoliation, kappa, kie, phonons, thermal, uncertainty, "
            "validate.",
        ),
    ],
    structures: Annotated[
        list[Path], typer.Argument(metavar="STRUCTURE", help="Files that ASE reads: CIF, POSCAR, extended XYZ, ...")
    ],
    potential: Annotated[
        str,
        typer.Option(
            "--potential", metavar="P", help="As `discover potentials` lists them; +c6, +d4 or +d3 adds dispersion."
        ),
    ] = "7net-0",
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="An option of the potential; repeat for more."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="D", help="auto, cpu, cuda or cuda:N.")] = "auto",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of what is computed; repeat for more."),
    ] = None,
    hop: Annotated[
        str | None, typer.Option("--hop", metavar="ELEMENT", help="Of barrier: what hops; as --set hop=ELEMENT.")
    ] = None,
    qm: Annotated[
        Path | None,
        typer.Option("--qm", metavar="FILE", help="A quantum region in the potential, as YAML; see docs/qm-ml.md."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 where a check fails, or a structure is outside.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Write its figures there, as PNG.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="For trajectories, and to go on from after a kill."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute one property of any structure file.

    barrier: paths of least energy, their saddles, prefactors and rates, of a crystal's own hops (--hop) or to another
    structure (--set final=FILE); see docs/barriers.md.

    conductivity: of ions, by molecular dynamics at several temperatures: Green-Kubo, Einstein and Nernst-Einstein,
    Haven ratio, diffusion, activation energy; see docs/conductivity.md.

    kie: kinetic isotope effect over a saddle (--set saddle=FILE), by path integrals, harmonic, and with tunnelling; see
    docs/isotopes.md.

    elastic: elastic constants with ions relaxed and clamped, by energies and by stresses; stability, moduli, Young's
    modulus by direction, Debye temperature, a hardness estimate; see docs/elastic.md.

    exfoliation: the layers of a crystal, the energy to take them apart, binding curve, sliding surface; wants a
    potential with dispersion, as 7net-0+c6; see docs/layers.md.

    phonons: bands, density of states, free energy, entropy, heat capacity, zero-point energy; is it dynamically stable,
    and where do imaginary modes lead? See docs/phonons.md.

    thermal: quasi-harmonic expansion by two routes, bulk modulus, heat capacities and Gibbs energy by temperature,
    Grüneisen parameters by mode; see docs/thermal.md.

    kappa: lattice thermal conductivity; needs phono3py (the extra "kappa"); see docs/thermal.md.

    uncertainty: how far its atoms lie from what the potential is known to be good for, and the errors to expect; see
    docs/uncertainty.md.

    validate: does the potential obey physics on this structure? Forces and stress against differences of the energy,
    symmetries, an NVE run, the cut-off, short distances; see docs/validation.md.

    \b
    Examples:
      discover compute barrier licoo2.cif --hop Li --plots figures --keep paths
      discover compute barrier start.cif --set final=end.cif --json
      discover compute barrier start.cif --set final=end.cif --qm region.yaml
      discover compute conductivity li3n.cif --set 'temperatures_K=[600, 800, 1000]' --keep runs/li3n --plots figures
      discover compute kie reactant.extxyz --set saddle=saddle.extxyz --set path_integrals=false
      discover compute kie reactant.extxyz --set saddle=saddle.extxyz --set isotopes='6Li>7Li' --keep runs/kie --json
      discover compute elastic si.cif --plots figures
      discover compute elastic si.cif --set largest_strain=0.002 --set relax=false --json
      discover compute exfoliation graphite.cif --potential 7net-0+c6 --plots figures
      discover compute exfoliation mos2.cif --potential 7net-0+d4 --set sliding=false --json
      discover compute thermal mgo.cif --plots figures
      discover compute thermal ti.cif --set 'temperatures_K=[0, 100, 200, 300]' --set volumes=11 --json
      discover compute kappa si.cif --set supercell_length_A=7 --json
      discover compute validate si.cif
      discover compute phonons si.cif --plots figures
      discover compute phonons mgo.cif --set born=born.yaml --set supercell_length_A=12 --json
      discover compute uncertainty frames.extxyz --json
      discover compute validate si.cif mgo.cif --option dtype=float64 --json
      discover compute validate cu.vasp --potential emt --strict
      discover compute validate si.cif --potential lj --option sigma_A=2.1 --set 'only=[derivatives, dynamics]'
    """  # noqa: D301 - \b is what keeps the lines below it apart
    with chatter_to_stderr():
        from discover.compute.registry import computation
        from discover.folder_lock import make_writable

        chosen = computation(name)
        for folder in (plots, keep):
            if folder is not None:
                make_writable(folder)
        from discover.compute.structures import check_structures, read_structures

        # Quoted, for YAML takes No (and once did Y) for a truth value
        asked = [] if hop is None else [f"hop='{hop}'"]
        settings = _settings(chosen, [*asked, *(overrides or ())])
        region = None if qm is None else _region(qm, name)
        read = read_structures(structures)
        loaded = _load(potential, device, _pairs(options or (), "--option"))
        check_structures(loaded, read)
        found, refused = _each(name, chosen, loaded, read, settings, keep, region)
        if plots is not None:
            _draw(chosen, found, plots)
    _show(found, as_json, alone=len(read) == 1)
    if refused:
        raise InputError(str(refused[0]) + (f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""))
    if strict and not all(computed.ok for _, computed in found):
        raise typer.Exit(1)


def _region(qm: Path, name: str) -> Quantum:
    from discover.compute.quantum import read_quantum

    return read_quantum(qm, name)


def _each(
    name: str,
    chosen: Computation,
    potential: Potential,
    read: Sequence[tuple[str, Atoms]],
    settings: Any,
    keep: Path | None,
    region: Quantum | None = None,
) -> tuple[list[tuple[str, Computed]], list[InputError]]:
    """What was found, and why some were refused: they take nothing from the others."""
    found: list[tuple[str, Computed]] = []
    refused: list[InputError] = []
    for k, (label, atoms) in enumerate(read):
        if len(read) > 1:
            print(f"{name} {k + 1}/{len(read)}: {label}", file=sys.stderr)
        try:
            asked = potential if region is None else region.within(potential, label, atoms)
            found.append((label, _computed(chosen, asked, label, atoms, settings, keep)))
        except InputError as error:
            refused.append(error)
    return found, refused


def _computed(
    chosen: Any, potential: Potential, label: str, atoms: Atoms, settings: Any, keep: Path | None
) -> Computed:
    from rich.console import Console

    from discover.cli.progress import progress_on
    from potentials.qmml.errors import QmmlError
    from potentials.suitable import UnsuitableStructureError
    from properties.errors import PropertyError

    progress = progress_on(Console(stderr=True))
    keeps = getattr(chosen, "KEEPS", False) and keep is not None
    folder = {"folder": keep / Path(label).name.replace("@", "-")} if keeps and keep is not None else {}
    try:
        return chosen.compute(potential, atoms, settings, progress, **folder)
    except (PropertyError, QmmlError, UnsuitableStructureError) as error:
        raise InputError(f"{label}: {error}") from None
    finally:
        progress.finish()


def _draw(chosen: Computation, found: Sequence[tuple[str, Computed]], folder: Path) -> None:
    """Each structure's figures as PNG, named after its file."""
    from discover.report.look import Look, png

    for label, computed in found:
        for plot in chosen.plots(computed.json):
            file = folder / f"{Path(label).name.replace('@', '-')}-{plot.name}.png"
            file.write_bytes(png(plot, Look()))
            print(f"wrote {file}", file=sys.stderr)


def _show(found: Sequence[tuple[str, Computed]], as_json: bool, alone: bool) -> None:
    """What was found, be it of some structures only; of one that was asked about alone its own object, or nothing."""
    objects = [{"structure": label} | computed.json for label, computed in found]
    if not as_json:
        _print(found)
    elif not alone:
        print_json({"results": objects})
    elif objects:
        print_json(objects[0])


def _print(found: Sequence[tuple[str, Computed]]) -> None:
    for k, (label, computed) in enumerate(found):
        print(("\n" if k else "") + f"{label}: {computed.title}")
        print_table(computed.head, computed.rows, right=computed.right)


def _load(name: str, device: str, options: dict[str, Any]) -> Potential:
    from potentials import DeviceError, LoadError, UnknownPotentialError, load

    for key in ("name", "device"):
        if key in options:
            raise InputError(f"--option {key}: is no option of a potential; give --{key.replace('name', 'potential')}")
    try:
        return load(name, device, **options)
    except DeviceError as error:
        raise InputError(f"--device: {error}") from None
    except (LoadError, UnknownPotentialError) as error:
        raise InputError(f"--potential: {error}") from None


def _settings(chosen: Computation, overrides: Sequence[str]) -> Any:
    """What `--set` gives, checked.

    Raises:
        InputError: an unknown key, a value that it cannot have.
    """
    from pydantic import ValidationError

    from discover.config_errors import explain

    given = _pairs(overrides, "--set")
    try:
        return chosen.Settings(**given)
    except ValidationError as error:
        raise InputError(explain(error, Path("--set"), {}, [], chosen.Settings)) from None


def _pairs(texts: Sequence[str], flag: str) -> dict[str, Any]:
    """Keys and YAML values of "key=value" texts.

    Raises:
        InputError: one that has no `=`, or is no YAML.
    """
    import yaml

    found = {}
    for text in texts:
        key, equals, raw = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"{flag} {text}: write key=value")
        try:
            found[key.strip()] = yaml.safe_load(raw)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise InputError(f"{flag} {text}: {raw!r} is not a YAML value") from None
    return found
