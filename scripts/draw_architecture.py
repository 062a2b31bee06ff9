"""Draw the house of docs/architecture.md from the code: rooms on floors, the two worlds, and who imports whom.

    python3 -m scripts.draw_architecture             # writes docs/architecture.svg (`make picture`)
    python3 -m scripts.draw_architecture --check     # exit code 1, and what is stale, when the code has moved on

Needs Python alone. The picture carries what it shows as JSON, which is what --check compares with the code.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from scripts.house import ROOT, VALUES, House, Room, stale, summary

PICTURE = ROOT / "docs" / "architecture.svg"

WIDTH, MARGIN, GAP, STOREY = 1360, 40, 36, 48
HEIGHT = 98
SLAB = 74
CORRIDOR = 62
"""Between the part on board and the ground: for arrows past other rooms."""
PADDING = 12
NARROWEST = 124
"""A room that must hold its name and what it is for."""

ORDER = (
    "nodes",
    "run",
    "overlay",
    "sources",
    "student",
    "monitor",
    "bags",
    "loop",
    "labelling",
    "distill",
    "teacher",
    "synthetic",
)
"""From left to right where a floor holds several; a room that is not named stands behind them."""

INK, QUIET, ARROW, GOLD = "#1f2933", "#5f6c7b", "#7c8a99", "#b7791f"
BOARD_COLOURS = ("#eaf2fb", "#c6dcf3", "#5b8fc4")
GROUND_COLOURS = ("#fbf4e8", "#f3dfbd", "#c39a4f")
SLAB_COLOURS = ("#ffffff", "#e2e6ea", "#8b97a3")
SANS = "'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Box:
    """A rectangle on the picture; y runs down."""

    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def place(house: House) -> dict[str, Box]:
    """Give every room its box: floors from the ground up, each world in its part, a storey's rooms in its middle."""
    top = max(room.floor for room in house.rooms.values())
    per_line = _scale(house)
    boxes = {VALUES: Box(MARGIN, _level(1, top), WIDTH - 2 * MARGIN, SLAB)}
    for flies, (left, width) in _parts(house, per_line).items():
        for floor, rooms in _storeys(house, flies):
            widths = [_width(room, per_line) for room in rooms]
            x = left + (width - sum(widths) - GAP * (len(rooms) - 1)) / 2
            for room, wide in zip(rooms, widths, strict=True):
                boxes[room.name] = Box(x, _level(floor, top), wide, HEIGHT)
                x += wide + GAP
    return boxes


def _storeys(house: House, flies: bool) -> Iterator[tuple[int, list[Room]]]:
    """Yield the floors of a world, and the rooms on each, from left to right."""
    rooms = [room for room in house.rooms.values() if room.flies == flies and room.name != VALUES]
    rooms.sort(key=lambda room: (ORDER.index(room.name) if room.name in ORDER else len(ORDER), room.name))
    for floor in sorted({room.floor for room in rooms}):
        yield floor, [room for room in rooms if room.floor == floor]


def _width(room: Room, per_line: float) -> float:
    return max(room.lines * per_line, 16 + 8.6 * len(room.name), NARROWEST)


def _needed(house: House, flies: bool, per_line: float) -> float:
    """The width of a world's fullest storey."""
    rows = [rooms for _, rooms in _storeys(house, flies)]
    return max(sum(_width(room, per_line) + GAP for room in row) for row in rows) - GAP + 2 * PADDING


def _scale(house: House) -> float:
    """The width of a line of code with which both worlds just fill the picture."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        fits = sum(_needed(house, flies, middle) for flies in (True, False)) <= WIDTH - 2 * MARGIN - CORRIDOR
        low, high = (middle, high) if fits else (low, middle)
    return low


def _parts(house: House, per_line: float) -> dict[bool, tuple[float, float]]:
    """Whether it flies -> left edge and width of a world's part."""
    board = _needed(house, True, per_line)
    ground = MARGIN + board + CORRIDOR
    return {True: (MARGIN, board), False: (ground, WIDTH - MARGIN - ground)}


def _level(floor: int, top: int) -> float:
    return 64 + (top - floor) * (HEIGHT + STOREY)


def _text(x: float, y: float, text: str, size: float = 12, colour: str = INK, **more: str) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{attributes}>{escape(text)}</text>'


def _rectangle(box: Box, fill: str, line: str, radius: float, width: float = 1) -> str:
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}"'
        f' fill="{fill}" stroke="{line}" stroke-width="{width:g}"/>'
    )


def draw_room(room: Room, box: Box) -> Iterator[str]:
    """Yield a room: its name, its size, its folders as cells, and what it is for where there is room to say so."""
    light, fill, line = SLAB_COLOURS if room.name == VALUES else BOARD_COLOURS if room.flies else GROUND_COLOURS
    yield _rectangle(box, fill, line, 6, 1.4)
    yield _text(box.x + 9, box.y + 19, room.name, 14.5, font_weight="600")
    size = f"{room.files} files, {room.lines:,} lines" if _is_wide(room, box) else f"{room.lines:,} lines"
    if _is_wide(room, box):
        yield _text(box.x + box.width - 9, box.y + 18.5, size, 10.5, QUIET, text_anchor="end")
    else:
        yield _text(box.x + 9, box.y + 33, size, 10.5, QUIET)
    cells = list(_cells(room, box))
    for cell, (name, _) in cells:
        yield _rectangle(cell, light, line, 3, 0.8)
        yield _text(cell.middle, cell.y + cell.height / 2 + 4, name, 11, text_anchor="middle")
    left = max((cell.x + cell.width + 9 for cell, _ in cells), default=box.x + 9)
    columns = int((box.x + box.width - 6 - left) / 6.1)
    if columns >= 12:
        y = box.y + (40 if _is_wide(room, box) else 50)
        room_for = int((box.bottom - 6 - y) / 13 + 1)
        for number, words in enumerate(textwrap.wrap(room.about, columns, max_lines=room_for, placeholder=" …")):
            yield _text(left, y + 13 * number, words, 10.5)


def _is_wide(room: Room, box: Box) -> bool:
    """Whether name and size fit into one line."""
    return box.width > 128 + 9.2 * len(room.name)


def _cells(room: Room, box: Box) -> Iterator[tuple[Box, tuple[str, int]]]:
    """The cells of a room in one row or two, each as wide as its lines, none narrower than its name.

    One row leaves what lies in no folder as empty space; two share the width.
    """
    if not room.cells:
        return
    top = box.y + (27 if _is_wide(room, box) else 40)
    space = box.width - 16
    wanted = [(cell, max(cell[1] * space / room.lines, 12 + 6.2 * len(cell[0]))) for cell in room.cells]
    in_one = room.name == VALUES or sum(width + 4 for _, width in wanted) <= space
    rows = [wanted] if in_one else _halves(wanted)
    height = (box.bottom - 8 - top - 5 * (len(rows) - 1)) / len(rows)
    for number, row in enumerate(rows):
        x = box.x + 8
        fills = len(rows) > 1 or room.name == VALUES
        stretch = (space - 4 * (len(row) - 1)) / sum(width for _, width in row) if fills else 1.0
        for cell, width in row:
            yield Box(x, top + number * (height + 5), width * stretch, height), cell
            x += width * stretch + 4


def _halves(cells: Sequence[tuple[tuple[str, int], float]]) -> list[list[tuple[tuple[str, int], float]]]:
    rows: list[list[tuple[tuple[str, int], float]]] = [[], []]
    for cell in cells:
        min(rows, key=lambda row: sum(width for _, width in row)).append(cell)
    return rows


def draw_arrows(house: House, boxes: dict[str, Box]) -> Iterator[str]:
    """Yield an arrow for every import between rooms that does not follow from others; ends share an edge evenly.

    Between the worlds an arrow is dashed. Past other rooms it takes the corridor, in a lane of its own.
    """
    floor = {name: room.floor for name, room in house.rooms.items()}
    board = _needed(house, True, _scale(house))
    across = {(a, b) for a, b in house.arrows if house.rooms[a].flies != house.rooms[b].flies}
    far = sorted((a, b) for a, b in across if floor[a] - floor[b] > 1)
    for room, other in house.arrows:
        start = _port(boxes, room, other, [b for a, b in house.arrows if a == room])
        end = _port(boxes, other, room, [a for a, b in house.arrows if b == other])
        y, to = boxes[room].bottom, boxes[other].y - 6
        if (room, other) in far:
            lane = far.index((room, other))
            x = MARGIN + board + CORRIDOR * (lane + 1) / (len(far) + 1)
            low = to - 12 - 5 * lane
            way = _bent([(start, y), (start, y + 11), (x, y + 11), (x, low), (end, low), (end, to)])
        else:
            bend = min(0.5 * (to - y), 70)
            way = f"M{start:.1f},{y:.1f} C{start:.1f},{y + bend:.1f} {end:.1f},{to - bend:.1f} {end:.1f},{to:.1f}"
        yield _line(way, ARROW, 1.5, "tip", "5 4" if (room, other) in across else "")


def _port(boxes: dict[str, Box], room: str, other: str, others: Sequence[str]) -> float:
    """Where on a room's edge the arrow from or to another ends: in the order in which those stand."""
    rank = sorted(others, key=lambda name: boxes[name].middle).index(other)
    return boxes[room].x + boxes[room].width * (rank + 1) / (len(others) + 1)


def _bent(points: Sequence[tuple[float, float]], radius: float = 9) -> str:
    """A way along right angles, with round corners."""
    way = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        for point, command in ((before, " L"), (after, f" Q{corner[0]:.1f},{corner[1]:.1f} ")):
            dx, dy = point[0] - corner[0], point[1] - corner[1]
            length = abs(dx) + abs(dy)
            step = min(radius, length / 2) / length
            way += f"{command}{corner[0] + dx * step:.1f},{corner[1] + dy * step:.1f}"
    return way + f" L{points[-1][0]:.1f},{points[-1][1]:.1f}"


def _line(way: str, colour: str, width: float, tip: str, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed} marker-end="url(#{tip})"/>'


def draw_student(boxes: dict[str, Box]) -> Iterator[str]:
    """Yield what the two worlds hand each other: the student, and the frames that it doubted."""
    distill, nodes, labelling = boxes["distill"], boxes["nodes"], boxes["labelling"]
    sheet = Box(nodes.x + 8, distill.y + 6, 190, 52)
    over = distill.y - STOREY / 2 + 4
    x, left = distill.x + distill.width * 0.9, sheet.x + 40
    yield _line(_bent([(x, distill.y), (x, over), (left, over), (left, sheet.y - 8)]), GOLD, 3, "gold")
    yield _line(f"M{left:.1f},{sheet.bottom:.1f} V{nodes.y - 8:.1f}", GOLD, 3, "gold")
    yield _rectangle(sheet, "#fff7e0", GOLD, 4, 2)
    yield _text(sheet.middle, sheet.y + 22, "student.onnx", 15, text_anchor="middle", font_weight="700")
    yield _text(sheet.middle, sheet.y + 40, "all that crosses to the board", 10.5, QUIET, text_anchor="middle")
    right, level = nodes.x + nodes.width - 22, labelling.y + 58
    yield _line(_bent([(right, nodes.y), (right, level), (labelling.x - 8, level)]), GOLD, 1.8, "gold", "2 4")
    yield _text(right + 6, level - 7, "hard frames, a bag", 10.5, QUIET)


def draw(house: House) -> str:
    """Return the picture as SVG text."""
    boxes = place(house)
    top = max(room.floor for room in house.rooms.values())
    height = boxes[VALUES].bottom + 24
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="{SANS}">',
        "<title>The rooms of afss_ros, on board and on the ground</title>",
        f"<metadata>{escape(json.dumps(summary(house), sort_keys=True))}</metadata>",
        "<defs>",
        *(
            f'<marker id="{name}" viewBox="0 0 8 8" refX="3" refY="4" markerUnits="userSpaceOnUse" markerWidth="{size}"'
            f' markerHeight="{size}" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{colour}"/></marker>'
            for name, colour, size in (("tip", ARROW, 9), ("gold", GOLD, 14))
        ),
        "</defs>",
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    lines += _draw_worlds(house, boxes, top)
    lines += draw_arrows(house, boxes)
    lines += draw_student(boxes)
    for name, box in boxes.items():
        lines += draw_room(house.rooms[name], box)
    return "\n".join([*lines, "</svg>", ""])


def _draw_worlds(house: House, boxes: dict[str, Box], top: int) -> Iterator[str]:
    for flies, (x, width) in _parts(house, _scale(house)).items():
        name, colours = ("on board", BOARD_COLOURS) if flies else ("on the ground", GROUND_COLOURS)
        inside = [boxes[room.name] for room in house.rooms.values() if room.flies == flies and room.name != VALUES]
        y, bottom = min(box.y for box in inside) - STOREY / 2 - 6, max(box.bottom for box in inside) + 31
        yield _rectangle(Box(x, y, width, bottom - y), colours[0], colours[1], 10)
        yield _text(x + 12, bottom - 10, name, 15, colours[2], font_weight="700")
    for floor in range(1, top + 1):
        level = _level(floor, top) + (SLAB if floor == 1 else HEIGHT) / 2
        yield _text(MARGIN - 14, level + 4, str(floor), 12, QUIET, text_anchor="end")
    yield _text(MARGIN, 34, "The numbers are floors: a room stands above all that it imports,", 13, QUIET)
    yield _text(MARGIN, 52, "and is as wide as it has lines (small ones are wider).", 13, QUIET)
    yield _text(MARGIN, 78, "An arrow is an import; what follows from others is left out,", 13, QUIET)
    yield _text(MARGIN, 96, "and so are those of the values, on which every room stands.", 13, QUIET)


def main(arguments: Sequence[str]) -> int:
    house = House()
    if "--check" not in arguments:
        PICTURE.write_text(draw(house))
        return 0
    wrong = stale(shown(PICTURE), house)
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        print(f"{PICTURE.relative_to(ROOT)} is stale: make picture", file=sys.stderr)
    return 1 if wrong else 0


def shown(picture: Path) -> dict[str, dict[str, object]]:
    """What a picture says that it shows."""
    found = re.search(r"<metadata>(.*?)</metadata>", picture.read_text(), re.S)
    if found is None:
        raise ValueError(f"{picture}: not drawn by this script, it has no <metadata>")
    return dict(json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
