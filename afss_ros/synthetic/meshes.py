"""Triangle meshes of simple solids, as plain arrays.

Every function returns a `Surface`: unshared triangle corners in metres, right-handed, outward normals, and texture
coordinates in metres along the surface, so that a pattern keeps its physical pitch on every solid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
IDENTITY = np.eye(3, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangle soup: `positions` and `normals` float32 (3T, 3), `uvs` float32 (3T, 2)."""

    positions: Array
    normals: Array
    uvs: Array

    def moved(self, rotation: ArrayLike = IDENTITY, translation: ArrayLike = (0.0, 0.0, 0.0)) -> Surface:
        """Rotate by a (3, 3) matrix, then translate by (3,) metres."""
        r = np.asarray(rotation, np.float32)
        t = np.asarray(translation, np.float32)
        return Surface(self.positions @ r.T + t, self.normals @ r.T, self.uvs)


def joined(surfaces: Sequence[Surface]) -> Surface:
    """All triangles of several surfaces as one."""
    return Surface(
        np.concatenate([s.positions for s in surfaces]),
        np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.uvs for s in surfaces]),
    )


def rotation_about(axis: ArrayLike, angle: float) -> Array:
    """Rotation matrix (3, 3) by `angle` radians about `axis` (Rodrigues)."""
    a = np.asarray(axis, np.float64)
    a = a / np.linalg.norm(a)
    k = np.array([[0, -a[2], a[1]], [a[2], 0, -a[0]], [-a[1], a[0], 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k, np.float32)


def frame_along(direction: ArrayLike) -> Array:
    """A rotation (3, 3) that takes +z to `direction`."""
    zx, zy, zz = (float(v) for v in np.asarray(direction, np.float64))
    size = math.sqrt(zx * zx + zy * zy + zz * zz)
    zx, zy, zz = zx / size, zy / size, zz / size
    xx, xy, xz = (zz, 0.0, -zx) if abs(zy) < 0.9 else (0.0, -zz, zy)
    size = math.sqrt(xx * xx + xy * xy + xz * xz)
    xx, xy, xz = xx / size, xy / size, xz / size
    yx, yy, yz = zy * xz - zz * xy, zz * xx - zx * xz, zx * xy - zy * xx
    return np.array([[xx, yx, zx], [xy, yy, zy], [xz, yz, zz]], np.float32)


def quad(corners: ArrayLike, size: tuple[float, float] | None = None) -> Surface:
    """A flat four-sided face from (4, 3) corners, counter-clockwise from outside; uv spans `size` in metres."""
    c = np.asarray(corners, np.float32)
    ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz = (float(v) for v in c.flat)
    if size is None:
        size = math.dist((ax, ay, az), (bx, by, bz)), math.dist((ax, ay, az), (dx, dy, dz))
    # The cross product of the diagonals is normal to a face even when it is not quite flat.
    ux, uy, uz, vx, vy, vz = cx - ax, cy - ay, cz - az, dx - bx, dy - by, dz - bz
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    length = max(math.sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    normals = np.empty((6, 3), np.float32)
    normals[:] = nx / length, ny / length, nz / length
    uv = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    order = [0, 1, 2, 0, 2, 3]
    return Surface(c[order], normals, uv[order])


def box(size: ArrayLike, faces: str = "+x-x+y-y+z-z") -> Surface:
    """An axis-aligned box of `size` (3,) metres about the origin, or only the named `faces` of it."""
    dims = np.asarray(size, np.float32)
    unit, axes = _unit_box(faces)
    return Surface(unit.positions * dims, unit.normals, unit.uvs * dims[axes])


@lru_cache(maxsize=64)
def _unit_box(faces: str) -> tuple[Surface, NDArray[np.intp]]:
    """A box of side one, and for every corner the axes (2,) along which its u and v run."""
    h = 0.5
    corners = {
        "+x": ([(h, -h, -h), (h, h, -h), (h, h, h), (h, -h, h)], (1, 2)),
        "-x": ([(-h, h, -h), (-h, -h, -h), (-h, -h, h), (-h, h, h)], (1, 2)),
        "+y": ([(h, h, -h), (-h, h, -h), (-h, h, h), (h, h, h)], (0, 2)),
        "-y": ([(-h, -h, -h), (h, -h, -h), (h, -h, h), (-h, -h, h)], (0, 2)),
        "+z": ([(-h, -h, h), (h, -h, h), (h, h, h), (-h, h, h)], (0, 1)),
        "-z": ([(-h, h, -h), (h, h, -h), (h, -h, -h), (-h, -h, -h)], (0, 1)),
    }
    names = [faces[i : i + 2] for i in range(0, len(faces), 2)]
    axes = np.concatenate([np.tile(corners[name][1], (6, 1)) for name in names])
    return joined([quad(corners[name][0]) for name in names]), axes


def revolved(profile: ArrayLike, sides: int, *, smooth: bool = True, turn: float = 0.0) -> Surface:
    """Turn a profile (K, 2) of (radius, z) about z in `sides` steps; outward is to the right of increasing z.

    `smooth` shades round; otherwise each side is a flat facet (a prism). Give rising z for an outer wall.
    """
    p = np.asarray(profile, np.float64)
    edge = p[1:] - p[:-1]
    length = np.sqrt((edge * edge).sum(1))
    edge_normal = np.stack([edge[:, 1], -edge[:, 0]], 1) / np.maximum(length, 1e-9)[:, None]
    run = np.concatenate([[0.0], np.cumsum(length)])
    angles = turn + np.linspace(0.0, 2 * np.pi, sides + 1)
    around = np.stack([np.cos(angles), np.sin(angles)], 1)
    a, k, e = _corners(sides, len(edge))
    positions = np.empty((len(a), 3), np.float32)
    positions[:, :2] = p[k, :1] * around[a]
    positions[:, 2] = p[k, 1]
    if smooth:
        facing = around[a]
    else:
        middle = (angles[1:] + angles[:-1]) / 2
        facing = np.stack([np.cos(middle), np.sin(middle)], 1)[np.arange(len(a)) // (6 * len(edge))]
    normals = np.empty_like(positions)
    normals[:, :2] = edge_normal[e, :1] * facing
    normals[:, 2] = edge_normal[e, 1]
    uvs = np.stack([(angles[a] - turn) * max(float(p[:, 0].max()), 1e-6), run[k]], 1)
    return Surface(positions, normals, uvs.astype(np.float32))


@lru_cache(maxsize=256)
def _corners(sides: int, edges: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """For each triangle corner of a revolved profile: its angle, its point of the profile, and its edge."""
    corner = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)])
    grid = (sides, edges, 6)
    a = np.arange(sides)[:, None, None] + corner[:, 0]
    e = np.broadcast_to(np.arange(edges)[:, None], grid)
    return np.broadcast_to(a, grid).ravel(), (e + corner[:, 1]).ravel(), e.ravel()


def disc(radius: float, sides: int, z: float = 0.0, *, up: bool = True, turn: float = 0.0) -> Surface:
    """A flat disc at height z facing +z (or -z); uv in metres from the centre."""
    a = turn + np.linspace(0.0, 2 * np.pi, sides + 1)
    ring = np.stack([radius * np.cos(a), radius * np.sin(a), np.full_like(a, z)], 1)
    first, second = (ring[:-1], ring[1:]) if up else (ring[1:], ring[:-1])
    centre = np.broadcast_to(np.array([0.0, 0.0, z]), first.shape)
    positions = np.stack([centre, first, second], 1).reshape(-1, 3).astype(np.float32)
    normals = np.tile(np.array([0, 0, 1 if up else -1], np.float32), (len(positions), 1))
    return Surface(positions, normals, positions[:, :2].copy())


def prism(sides: int, bottom: float, top: float, height: float, *, smooth: bool | None = None) -> Surface:
    """A closed prism, cone or cylinder about z from -height/2 to height/2 with the given end radii."""
    if smooth is None:
        smooth = sides > 10
    turn = 0.0 if smooth else np.pi / sides
    h = height / 2
    wall = revolved([(bottom, -h), (top, h)], sides, smooth=smooth, turn=turn)
    parts = [wall]
    if top > 1e-6:
        parts.append(disc(top, sides, h, up=True, turn=turn))
    if bottom > 1e-6:
        parts.append(disc(bottom, sides, -h, up=False, turn=turn))
    return joined(parts)


def sphere(radius: float, sides: int = 20, *, start: float = -90.0, stop: float = 90.0) -> Surface:
    """A sphere, or the zone of it between two latitudes in degrees."""
    lat = np.radians(np.linspace(start, stop, max(4, sides // 2) + 1))
    return revolved(np.stack([radius * np.cos(lat), radius * np.sin(lat)], 1), sides)


def torus(major: float, minor: float, sides: int = 28, rings: int = 8) -> Surface:
    """A ring about z."""
    a = np.linspace(-np.pi, np.pi, rings + 1)
    return revolved(np.stack([major + minor * np.cos(a), minor * np.sin(a)], 1), sides)


def tube(start: ArrayLike, stop: ArrayLike, radius: float, sides: int = 6, taper: float = 1.0) -> Surface:
    """A closed straight tube between two points; `taper` scales the radius at the far end."""
    a, b = np.asarray(start, np.float64), np.asarray(stop, np.float64)
    length = math.dist(a, b)
    unit = _unit_tube(sides, taper)
    scale = np.array([radius, radius, length], np.float32)
    solid = Surface(unit.positions * scale, unit.normals, unit.uvs * np.array([radius, length], np.float32))
    return solid.moved(frame_along(b - a if length > 1e-6 else (0, 0, 1)), (a + b) / 2)


@lru_cache(maxsize=32)
def _unit_tube(sides: int, taper: float) -> Surface:
    return prism(sides, 1.0, taper, 1.0, smooth=True)


def tubes(starts: ArrayLike, stops: ArrayLike, radius: float, sides: int = 6) -> Surface:
    """Many closed straight tubes at once: from each of `starts` (N, 3) to each of `stops` (N, 3)."""
    a, b = np.asarray(starts, np.float64), np.asarray(stops, np.float64)
    unit = _unit_tube(sides, 1.0)
    axis = b - a
    length = np.sqrt((axis * axis).sum(1))
    z = axis / length[:, None]
    upright = np.abs(z[:, 1:2]) < 0.9
    zero = np.zeros(len(z))
    x = np.where(upright, np.stack([z[:, 2], zero, -z[:, 0]], 1), np.stack([zero, -z[:, 2], z[:, 1]], 1))
    x /= np.sqrt((x * x).sum(1))[:, None]
    frames = np.stack([x, np.cross(z, x), z], axis=1).astype(np.float32)
    scaled = np.broadcast_to(unit.positions, (len(a), *unit.positions.shape)).copy()
    scaled[..., :2] *= radius
    scaled[..., 2] *= length[:, None]
    uvs = np.broadcast_to(unit.uvs, (len(a), *unit.uvs.shape)) * np.stack([np.full(len(a), radius), length], 1)[:, None]
    return Surface(
        (scaled @ frames + ((a + b) / 2)[:, None]).reshape(-1, 3).astype(np.float32),
        (unit.normals @ frames).reshape(-1, 3),
        uvs.reshape(-1, 2).astype(np.float32),
    )


def lattice(length: float, width: float, bays: int, radius: float, sides: int = 3) -> Surface:
    """A truss along +z from the origin: `sides` longerons with battens and one diagonal a bay."""
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], 1) * width / 2
    up = np.array([0.0, 0.0, length])
    levels = np.linspace(0.0, 1.0, bays + 1)[:, None, None] * up
    feet, turned = (ring + levels), (np.roll(ring, -1, axis=0) + levels)
    return joined([
        tubes(ring, ring + up, radius, 4),
        tubes(feet.reshape(-1, 3), turned.reshape(-1, 3), radius * 0.7, 3),
        tubes(feet[:-1].reshape(-1, 3), turned[1:].reshape(-1, 3), radius * 0.7, 3),
    ])  # fmt: skip


def double_sided(surface: Surface) -> Surface:
    """A thin shell seen from both sides: the surface and its reverse."""
    flip = np.arange(len(surface.positions)).reshape(-1, 3)[:, ::-1].reshape(-1)
    back = Surface(surface.positions[flip], -surface.normals[flip], surface.uvs[flip])
    return joined([surface, back])
