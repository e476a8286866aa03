"""Draws `architecture.svg` from the imports of the code: `python docs/architecture.py`.

A box is a room: a folder or module directly in lecture_lib or autograder. An arrow points at what a room imports when
it is loaded (imports inside functions are left out), unless another path of arrows says so already. Rooms stand on
floors: each above all that it imports. A test compares the committed picture with what this draws.
"""

import ast
from collections.abc import Iterable
from html import escape
from itertools import accumulate, pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = Path(__file__).with_suffix(".svg")
PACKAGES = ("autograder", "lecture_lib")
LEFT_OUT = {"__init__", "__main__", "keys", "templates"}  # no code, or no part of the map
BOX, PASSAGE = (120, 34), 12  # width and height of a box; width of a gap that an arrow passes through
FLOOR, TOP, GAP, MARGIN = 88, 56, 14, 24  # from floor to floor, above the first, between boxes, around all

Graph = dict[str, set[str]]

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.room rect { fill: #eef3fb; stroke: #4a6fa5 }
.note { fill: #59636e; font-size: 12px }
.arrow { fill: none; stroke: #6e7781; stroke-width: 1.2; marker-end: url(#tip) }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #9198a1 }
  .room rect { fill: #1b2a41; stroke: #7aa2dd } .arrow { stroke: #8b949e }
}"""


def rooms(package: str, root: Path = ROOT) -> dict[str, list[Path]]:
    """The source files of each room of a package, by the room's name."""
    found: dict[str, list[Path]] = {}
    for path in sorted((root / package).rglob("*.py")):
        room = path.relative_to(root / package).parts[0].removesuffix(".py")
        if room not in LEFT_OUT:
            found.setdefault(room, []).append(path)
    return found


def imported(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports when it is loaded."""
    names: set[str] = set()
    for node in _at_load(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _at_load(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """The statements that run when a module is loaded, those inside `if` and `try` among them."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for part in ("body", "orelse", "finalbody", "handlers"):
            if isinstance(node, (ast.If, ast.Try, ast.With, ast.ExceptHandler)):
                yield from _at_load(getattr(node, part, []))


def arrows(package: str, root: Path = ROOT) -> Graph:
    """Which rooms of the package each of its rooms imports."""
    files = rooms(package, root)
    graph: Graph = {room: set() for room in files}
    for room, paths in files.items():
        for name in set().union(*map(imported, paths)):
            first, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if first == package and other in files and other != room:
                graph[room].add(other)
    return graph


def floors(graph: Graph) -> list[list[str]]:
    """Rooms by floor, the ground floor last: each stands one above the highest that it imports.

    Raises ValueError where rooms import each other in a circle.
    """
    height: dict[str, int] = {}

    def rise(room: str, path: tuple[str, ...]) -> int:
        if room in path:
            raise ValueError(f"rooms import each other in a circle: {' -> '.join([*path[path.index(room) :], room])}")
        if room not in height:
            height[room] = 1 + max((rise(other, (*path, room)) for other in sorted(graph[room])), default=-1)
        return height[room]

    top = max(rise(room, ()) for room in sorted(graph))
    return [sorted(room for room in graph if height[room] == level) for level in range(top, -1, -1)]


def reduced(graph: Graph) -> Graph:
    """The graph without arrows that a longer path implies."""

    def reached(room: str) -> set[str]:
        return graph[room].union(*(reached(other) for other in graph[room]))

    return {
        room: {o for o in others if not any(o in reached(x) for x in others - {o})} for room, others in graph.items()
    }


def routed(levels: list[list[str]], graph: Graph) -> tuple[list[list[str]], list[list[str]]]:
    """Floors with a gap for each arrow that passes a floor, and the arrows as the rooms and gaps on their way."""
    floor = {room: n for n, level in enumerate(levels) for room in level}
    levels = [list(level) for level in levels]
    ways = []
    for room, others in sorted(graph.items()):
        for other in sorted(others):
            gaps = [f"{room}>{other}>{n}" for n in range(floor[room] + 1, floor[other])]
            for n, gap in enumerate(gaps, floor[room] + 1):
                levels[n].append(gap)
            ways.append([room, *gaps, other])
    return levels, ways


def ordered(levels: list[list[str]], ways: list[list[str]]) -> list[list[str]]:
    """Each floor from left to right, rooms and gaps near the middle of what arrows join them to on the next floors."""
    joined: Graph = {room: set() for level in levels for room in level}
    for way in ways:
        for one, other in pairwise(way):
            joined[one].add(other)
            joined[other].add(one)
    at = {room: float(i) for level in levels for i, room in enumerate(level)}
    for _ in range(12):
        levels = [
            sorted(level, key=lambda r: (sum(at[o] for o in joined[r]) / len(joined[r]) if joined[r] else at[r], r))
            for level in levels
        ]
        at = {room: x for level in levels for room, x in middles(level, 1000).items()}
    return levels


def middles(level: list[str], width: int) -> dict[str, float]:
    """Where the middle of each room and gap of a floor stands, spread over the width."""
    sizes = [PASSAGE if ">" in room else BOX[0] for room in level]
    space = (width - sum(sizes)) / len(level)
    ends = accumulate(size + space for size in sizes)
    return {room: end - space / 2 - size / 2 for room, size, end in zip(level, sizes, ends)}


def panel(package: str, left: int, root: Path = ROOT) -> tuple[list[str], int, int]:
    """One package as SVG elements -> (elements, width, height)."""
    graph = reduced(arrows(package, root))
    levels, ways = routed(floors(graph), graph)
    levels = ordered(levels, ways)
    width = max(sum(GAP + (PASSAGE if ">" in room else BOX[0]) for room in level) for level in levels)
    middle = {
        room: (left + round(x), TOP + n * FLOOR)
        for n, level in enumerate(levels)
        for room, x in middles(level, width).items()
    }
    drawn = [f'<text class="title" x="{left}" y="30">{package}</text>']
    drawn += [f'<path class="arrow" d="{line([middle[room] for room in way])}"/>' for way in ways]
    for room in sorted(graph):
        x, y = middle[room]
        drawn.append(
            f'<g class="room"><rect x="{x - BOX[0] // 2}" y="{y}" width="{BOX[0]}" height="{BOX[1]}" rx="6"/>'
            f'<text x="{x}" y="{y + 22}" text-anchor="middle">{escape(room)}</text></g>'
        )
    return drawn, width, TOP + len(levels) * FLOOR


def line(points: list[tuple[int, int]]) -> str:
    """A curve from the bottom of the first box, straight through the gaps, to the top of the last."""
    (x, y), *gaps, (u, v) = points
    ends = [*((at, top) for at, top in gaps), (u, v - 2)]
    y += BOX[1]
    path = f"M{x} {y}"
    for at, top in ends:
        bend = (top - y) // 2
        path += f"C{x} {y + bend} {at} {top - bend} {at} {top}"
        x, y = at, top
        if (at, top) != ends[-1]:
            y += BOX[1]
            path += f"V{y}"
    return path


def draw(root: Path = ROOT) -> str:
    """Both packages side by side, as SVG."""
    first, width, height = panel(PACKAGES[0], MARGIN, root)
    second, more, tall = panel(PACKAGES[1], MARGIN + width + 3 * MARGIN, root)
    total = width + more + 5 * MARGIN, max(height, tall) + 8
    note = "An arrow points at what a room imports. Any room of autograder may import lecture_lib, never the reverse."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total[0]} {total[1]}" role="img">',
            "<title>The rooms of autograder and lecture_lib, and what each imports</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#6e7781"/></marker></defs>',
            *first,
            *second,
            f'<text class="note" x="{MARGIN}" y="{total[1] - 10}">{note}</text>',
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(PICTURE)
