"""Pictures of crystals: shaded spheres, bonds and the cell's edges, in orthographic projection.

Every pixel keeps the nearest surface (a depth buffer), so that bonds enter their atoms and edges pass behind
them as they should. Pictures are transparent and hold no text: one serves the light and the dark scheme.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from ase.neighborlist import neighbor_list

WIDTH, HEIGHT = 320, 270
SUPERSAMPLING = 3
AZIMUTH_DEG, ELEVATION_DEG = -66.0, 13.0  # a to the right, c up, a little from above and the side
MIN_EXTENT_A = 4.2  # shorter cells are repeated until a reader can see how the structure goes on
MAX_ATOMS = 160  # larger pictures are drawn without repeats and boundary images
SPHERE_SCALE = 0.44  # of the covalent radius
BOND_RADIUS_A, EDGE_RADIUS_A = 0.11, 0.035
BOND_STRETCH = 1.18  # a bond may exceed the sum of covalent radii by this factor
FIRST_SHELL = 1.2  # and the shortest contact of either of its atoms by this one
CLOSE_PACKED = 9  # an atom with as many neighbours is a metal's: sticks would only hide it
EDGE_COLOUR = np.array([0.5, 0.54, 0.57])

Array = np.ndarray
Window = tuple[slice, slice]


@dataclass
class _Canvas:
    """Colour, opacity and depth of each (supersampled) pixel; y grows upwards until `pixels` flips it."""

    scale: float
    origin: Array
    shape: tuple[int, int] = (HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING)
    rgb: Array = field(init=False)
    depth: Array = field(init=False)

    def __post_init__(self) -> None:
        self.rgb = np.zeros((*self.shape, 3), dtype=np.float32)
        self.depth = np.full(self.shape, -np.inf, dtype=np.float32)

    def window(self, low: Array, high: Array) -> tuple[Window, Array, Array]:
        """Slices of the pixels between two corners (Å, screen) and those pixels' coordinates in Å."""
        first = np.maximum(((low - self.origin) * self.scale).astype(int) - 1, 0)
        last = ((high - self.origin) * self.scale).astype(int) + 2
        rows = slice(first[1], min(last[1], self.shape[0]))
        columns = slice(first[0], min(last[0], self.shape[1]))
        y, x = np.mgrid[rows, columns]
        return (rows, columns), x / self.scale + self.origin[0], y / self.scale + self.origin[1]

    def paint(self, where: Window, inside: Array, z: Array, normal: Array, colour: Array) -> None:
        """Shade the pixels of a surface that lie before what is there; `normal` is (3, rows, columns)."""
        nearer = inside & (z > self.depth[where])
        light = np.array([-0.42, 0.56, 0.71])
        facing = np.clip(np.tensordot(light, normal, axes=1), 0, 1)
        rim = np.clip(normal[2] / 0.38, 0, 1)  # a dark rim sets a pale atom off against pale paper
        shade = (0.46 + 0.54 * facing) * (0.55 + 0.45 * rim)
        glint = 0.45 * facing**26
        shaded = np.clip(colour * shade[..., None] + glint[..., None], 0, 1)
        self.depth[where][nearer] = z[nearer]
        self.rgb[where][nearer] = shaded[nearer]

    def sphere(self, centre: Array, radius: float, colour: Array) -> None:
        """A sphere; `centre` in screen coordinates (right, up, towards the reader)."""
        where, x, y = self.window(centre[:2] - radius, centre[:2] + radius)
        dx, dy = (x - centre[0]) / radius, (y - centre[1]) / radius
        inside = dx**2 + dy**2 <= 1
        dz = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, None))
        self.paint(where, inside, centre[2] + radius * dz, np.stack([dx, dy, dz]), colour)

    def cylinder(self, start: Array, end: Array, radius: float, colour: Array) -> None:
        """An open cylinder between two points."""
        axis = end - start
        length = float(np.linalg.norm(axis))
        u = axis / max(length, 1e-9)
        across = float(np.hypot(u[0], u[1]))
        if across < 0.02:  # seen end on, it hides behind its own end
            return
        where, x, y = self.window(np.minimum(start, end)[:2] - radius, np.maximum(start, end)[:2] + radius)
        x, y = x - start[0], y - start[1]
        s = (y * u[0] - x * u[1]) / across  # sideways from the axis
        q = (x * u[0] + y * u[1]) / across  # along it, on the screen
        w = np.sqrt(np.clip(radius**2 - s**2, 0, None))
        t = (q + w * u[2]) / across
        inside = (np.abs(s) <= radius) & (t >= 0) & (t <= length)
        e = np.array([-u[1], u[0], 0.0]) / across
        n = np.cross(u, e)
        normal = (s * e[:, None, None] + w * n[:, None, None]) / radius
        self.paint(where, inside, start[2] + t * u[2] + w * across, normal, colour)

    def pixels(self) -> Array:
        """RGBA, float, supersamples averaged over what is covered."""
        cover = np.isfinite(self.depth).astype(np.float32)
        k = SUPERSAMPLING
        blocks = (HEIGHT, k, WIDTH, k)
        alpha = cover.reshape(blocks).mean(axis=(1, 3))
        rgb = (self.rgb * cover[..., None]).reshape(*blocks, 3).mean(axis=(1, 3))
        return np.dstack([rgb / np.maximum(alpha, 1e-6)[..., None], alpha])[::-1]


def picture(cell: Atoms) -> bytes:
    """PNG of a crystal, given its conventional cell."""
    from matplotlib.image import imsave

    shown, parents, box = _shown(cell)
    view = _view()
    positions, corners = shown.positions @ view.T, box @ view.T
    radii = SPHERE_SCALE * np.clip(covalent_radii[shown.numbers], 0.55, 1.5)
    canvas = _fitted(positions, radii, corners)
    for i, j in _edges():
        canvas.cylinder(corners[i], corners[j], EDGE_RADIUS_A, EDGE_COLOUR)
    for i, j in _bonds(cell, shown, parents):
        middle = (positions[i] + positions[j]) / 2
        for end in (i, j):
            colour = jmol_colors[shown.numbers[end]] * 0.92
            canvas.cylinder(positions[end], middle, BOND_RADIUS_A, colour)
    for position, radius, number in zip(positions, radii, shown.numbers, strict=True):
        canvas.sphere(position, float(radius), jmol_colors[number])
    buffer = io.BytesIO()
    imsave(buffer, np.clip(canvas.pixels(), 0, 1), format="png")
    return buffer.getvalue()


def colour_hex(symbol: str) -> str:
    """The colour in which an element is drawn."""
    from ase.data import atomic_numbers

    return "#" + "".join(f"{round(255 * c):02x}" for c in jmol_colors[atomic_numbers[symbol]])


def _shown(cell: Atoms) -> tuple[Atoms, Array, Array]:
    """What is drawn: atoms with images on the far faces, each one's parent in the cell, the eight corners."""
    lengths = cell.cell.lengths()
    repeats = np.maximum(1, np.ceil(MIN_EXTENT_A / lengths - 0.15).astype(int))
    if len(cell) * int(np.prod(repeats)) > MAX_ATOMS:
        repeats = np.ones(3, dtype=int)
    scaled = (cell.get_scaled_positions() - _corner_atom(cell)) % 1.0
    scaled[scaled > 1 - 1e-3] -= 1.0
    shifts = np.array(list(product(*(range(n + 1) for n in repeats))))
    places = (scaled[None] + shifts[:, None]).reshape(-1, 3)
    parents = np.tile(np.arange(len(cell)), len(shifts))
    margin = 1e-3 if len(cell) <= MAX_ATOMS else -1e-3
    keep = (places <= repeats + margin).all(axis=1)
    atoms = Atoms(numbers=cell.numbers[parents[keep]], positions=places[keep] @ cell.cell.array)
    corners = np.array(list(product((0, 1), repeat=3))) * repeats
    return atoms, parents[keep], corners @ cell.cell.array


def _corner_atom(cell: Atoms) -> Array:
    """The atom that is moved to the cell's corner, where readers look for it: one of the rarest element."""
    counts = np.bincount(cell.numbers)[cell.numbers]
    scaled = cell.get_scaled_positions()
    rarest = np.flatnonzero(counts == counts.min())
    wrapped = scaled[rarest] - np.round(scaled[rarest])
    return scaled[rarest[np.argmin(np.abs(wrapped).sum(axis=1))]]


def _edges() -> list[tuple[int, int]]:
    corners = list(product((0, 1), repeat=3))
    pairs = product(range(8), range(8))
    return [(i, j) for i, j in pairs if i < j and sum(np.abs(np.subtract(corners[i], corners[j]))) == 1]


def _view() -> Array:
    """Rows: the screen's right, up and towards the reader."""
    azimuth, elevation = np.radians(AZIMUTH_DEG), np.radians(ELEVATION_DEG)
    out = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return np.array([right, np.cross(out, right), out])


def _fitted(positions: Array, radii: Array, corners: Array) -> _Canvas:
    low = np.minimum((positions[:, :2] - radii[:, None]).min(axis=0), corners[:, :2].min(axis=0)) - 0.1
    high = np.maximum((positions[:, :2] + radii[:, None]).max(axis=0), corners[:, :2].max(axis=0)) + 0.1
    size = np.array([WIDTH, HEIGHT]) * SUPERSAMPLING
    scale = float((size / (high - low)).min())
    return _Canvas(scale, (low + high) / 2 - size / scale / 2)


def _bonds(cell: Atoms, shown: Atoms, parents: Array) -> list[tuple[int, int]]:
    """Pairs of shown atoms that are bonded: close in radii, and near the shortest contact of both."""
    reach = BOND_STRETCH * 2 * float(covalent_radii[cell.numbers].max())
    i, d = neighbor_list("id", cell, reach)
    shortest = np.full(len(cell), np.inf)
    np.minimum.at(shortest, i, d)
    crowd = np.bincount(i[d < FIRST_SHELL * shortest[i]], minlength=len(cell))[parents]
    limit = FIRST_SHELL * shortest[parents]
    radii = covalent_radii[shown.numbers]
    distance = np.linalg.norm(shown.positions[:, None] - shown.positions[None], axis=2)
    near = distance < BOND_STRETCH * (radii[:, None] + radii)
    near &= distance < np.maximum(limit[:, None], limit)
    near &= (crowd[:, None] < CLOSE_PACKED) | (crowd < CLOSE_PACKED)
    return [(int(a), int(b)) for a, b in np.argwhere(np.triu(near, 1))]
