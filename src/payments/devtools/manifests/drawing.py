"""Workloads and the traffic between them as a picture: who calls from outside, our workloads, what they depend on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from payments.devtools.manifests.traffic import ANYWHERE, Edge

_MARGIN, _WIDTH, _GAP, _BETWEEN = 40, 220, 190, 28
_LINE, _SLOT = 16, 18  # pixels of a line of text, and of an arrow's place at the side of a box
_BULGE = 70
_STYLE = (
    "text{font:12px sans-serif;fill:#1f2933}.box{fill:#fff;stroke:#3e4c59;stroke-width:1.5}"
    ".out{fill:#f0f4f8;stroke:#9fb3c8}.edge{fill:none;stroke:#829ab1;stroke-width:1.2;marker-end:url(#tip)}"
    ".wide{stroke:#d64545;marker-end:url(#widetip)}.port{font-size:10px;fill:#52606d;paint-order:stroke;stroke:#fff;"
    "stroke-width:3px}"
)
_TIPS = "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0 0 8 4 0 8z" fill="{color}"/></marker>'
    for name, color in (("tip", "#829ab1"), ("widetip", "#d64545"))
)


class _Place(NamedTuple):
    """A box: its column (0 callers, 1 workloads, 2 what they call), and the names in it."""

    column: int
    names: tuple[str, ...]


@dataclass
class _Box:
    """Where a place is drawn, and the arrows at its sides."""

    place: _Place
    left: list["_Arrow"] = field(default_factory=list)
    right: list["_Arrow"] = field(default_factory=list)
    y: int = 0

    @property
    def x(self) -> int:
        return _MARGIN + self.place.column * (_WIDTH + _GAP)

    @property
    def height(self) -> int:
        return max(_LINE * len(self.place.names) + 14, _SLOT * max(len(self.left), len(self.right)) + 8)

    @property
    def center(self) -> int:
        return self.y + self.height // 2

    def slot(self, arrow: "_Arrow", side: list["_Arrow"]) -> int:
        """Return the height at which an arrow touches one side: spread evenly."""
        return self.y + self.height * (2 * side.index(arrow) + 1) // (2 * len(side))


@dataclass(eq=False)
class _Arrow:
    source: _Box
    target: _Box
    ports: tuple[str, ...]

    @property
    def inner(self) -> bool:
        """Whether both ends are workloads: drawn along the left side, around what is between them."""
        return self.source.place.column == self.target.place.column


def svg(edges: Sequence[Edge], stage: str) -> str:
    """Return the picture; traffic to or from everywhere is red. Who has the same traffic shares a box."""
    boxes, arrows = _layout(sorted(edges))
    width = 2 * _MARGIN + 3 * _WIDTH + 2 * _GAP
    height = max((box.y + box.height for box in boxes), default=0) + _MARGIN
    title = f"Traffic that the network policies of {stage} allow"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style><defs>{_TIPS}</defs>",
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            f'<text x="{_MARGIN}" y="28" font-weight="bold">{escape(title)}</text>',
            *map(_path, arrows),
            *map(_shape, boxes),
            *map(_label, arrows),
            "</svg>",
        ]
    )


def _layout(edges: Sequence[Edge]) -> tuple[list[_Box], list[_Arrow]]:
    ends = [((*_end(edge.source, 0),), (*_end(edge.target, 2),), edge.ports) for edge in edges]
    places = _shared(ends)
    boxes = {place: _Box(place) for place in dict.fromkeys(places.values())}
    found: dict[tuple[_Place, _Place], dict[str, None]] = {}
    for source, target, ports in ends:
        found.setdefault((places[source], places[target]), {}).update(dict.fromkeys(ports))
    arrows = [_Arrow(boxes[source], boxes[target], tuple(ports)) for (source, target), ports in found.items()]
    for arrow in arrows:
        (arrow.source.left if arrow.inner else arrow.source.right).append(arrow)
        arrow.target.left.append(arrow)
    _stack(boxes.values(), arrows)
    for box in boxes.values():
        for side in (box.left, box.right):
            side.sort(key=lambda arrow, box=box: (_other(arrow, box).center, arrow.ports))  # type: ignore[misc]
    return list(boxes.values()), arrows


def _end(name: str, outside: int) -> tuple[int, str]:
    """Return the column of one end; a neighbor that calls and is called is drawn on both sides."""
    ours = name != ANYWHERE and "/" not in name and not name.startswith("namespace ")
    return (1 if ours else outside), name


def _shared(ends: Iterable[tuple[tuple[int, str], tuple[int, str], tuple[str, ...]]]) -> dict[tuple[int, str], _Place]:
    """Return each end's place: outside, those with the same neighbors and ports are one."""
    traffic: dict[tuple[int, str], set[tuple[str, tuple[str, ...]]]] = {}
    for source, target, ports in ends:
        traffic.setdefault(source, set()).add((target[1], ports))
        traffic.setdefault(target, set()).add((source[1], ports))
    groups: dict[object, list[tuple[int, str]]] = {}
    for end, seen in sorted(traffic.items()):
        column, name = end
        groups.setdefault(name if column == 1 else (column, frozenset(seen)), []).append(end)
    return {end: _Place(end[0], tuple(name for _, name in members)) for members in groups.values() for end in members}


def _stack(boxes: Iterable[_Box], arrows: Sequence[_Arrow]) -> None:
    """Put the boxes of each column under each other: workloads after who calls them, the others beside those."""
    by_column: dict[int, list[_Box]] = {0: [], 1: [], 2: []}
    for box in boxes:
        by_column[box.place.column].append(box)
    _pile(_called(by_column[1], arrows))
    for column in (0, 2):
        _pile(sorted(by_column[column], key=lambda box: (_beside(box, arrows), box.place.names)))


def _pile(boxes: Iterable[_Box]) -> None:
    y = _MARGIN + 10
    for box in boxes:
        box.y = y
        y += box.height + _BETWEEN


def _called(boxes: Iterable[_Box], arrows: Sequence[_Arrow]) -> list[_Box]:
    """Return workloads by name, each followed by those that it calls; who is called by nobody comes first."""
    calls = [arrow for arrow in arrows if arrow.inner and arrow.source is not arrow.target]
    called = {arrow.target.place for arrow in calls}
    found: dict[_Place, _Box] = {}

    def visit(box: _Box) -> None:
        if box.place not in found:
            found[box.place] = box
            for arrow in calls:
                if arrow.source is box:
                    visit(arrow.target)

    for box in sorted(boxes, key=lambda box: (box.place in called, box.place.names)):
        visit(box)
    return list(found.values())


def _beside(box: _Box, arrows: Sequence[_Arrow]) -> float:
    near = [_other(arrow, box).center for arrow in arrows if box in (arrow.source, arrow.target)]
    return sum(near) / len(near)


def _other(arrow: _Arrow, box: _Box) -> _Box:
    return arrow.target if arrow.source is box else arrow.source


def _path(arrow: _Arrow) -> str:
    source, target = arrow.source, arrow.target
    y1, y2 = source.slot(arrow, source.left if arrow.inner else source.right), target.slot(arrow, target.left)
    x1, x2 = (source.x if arrow.inner else source.x + _WIDTH), target.x
    bend = (x1 - _BULGE, x2 - _BULGE) if arrow.inner else ((x1 + x2) // 2, (x1 + x2) // 2)
    wide = " wide" if {*source.place.names, *target.place.names} & {ANYWHERE, "0.0.0.0/0"} else ""
    return f'<path class="edge{wide}" d="M{x1} {y1}C{bend[0]} {y1} {bend[1]} {y2} {x2} {y2}"/>'


def _label(arrow: _Arrow) -> str:
    y = arrow.target.slot(arrow, arrow.target.left)
    ports = escape(", ".join(arrow.ports))
    return f'<text class="port" x="{arrow.target.x - 10}" y="{y - 3}" text-anchor="end">{ports}</text>'


def _shape(box: _Box) -> str:
    kind = "box" if box.place.column == 1 else "box out"
    first = box.center + 4 - _LINE * (len(box.place.names) - 1) // 2
    lines = "".join(
        f'<text x="{box.x + _WIDTH // 2}" y="{first + number * _LINE}" text-anchor="middle">{escape(name)}</text>'
        for number, name in enumerate(box.place.names)
    )
    return f'<rect class="{kind}" x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{box.height}" rx="6"/>{lines}'
