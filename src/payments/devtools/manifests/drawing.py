"""Workloads and the traffic between them as a picture: who is outside on the left, what they depend on on the right."""

from collections.abc import Sequence
from html import escape

from payments.devtools.manifests.traffic import Edge

_COLUMN, _ROW, _WIDTH, _HEIGHT, _MARGIN = 330, 64, 190, 36, 60
_STYLE = (
    "text{font:12px sans-serif;fill:#1f2933}.box{fill:#fff;stroke:#3e4c59;stroke-width:1.5}"
    ".out{fill:#f0f4f8;stroke:#9fb3c8}.edge{fill:none;stroke:#829ab1;stroke-width:1.2}.wide{stroke:#d64545}"
    ".port{font-size:10px;fill:#52606d}"
)
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#829ab1"/></marker></defs>'
)


def svg(edges: Sequence[Edge], stage: str) -> str:
    """Return the picture; traffic to or from everywhere is red."""
    columns = _columns(edges)
    places = {
        name: (_MARGIN + column * _COLUMN, _MARGIN + row * _ROW)
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }
    inner = {edge.source for edge in edges} & {edge.target for edge in edges}
    width = 2 * _MARGIN + (len(columns) - 1) * _COLUMN + _WIDTH
    height = 2 * _MARGIN + max((len(names) for names in columns), default=1) * _ROW
    title = f"Traffic that the network policies of {stage} allow"
    body = [*(_edge(edge, places) for edge in edges), *(_box(name, *places[name], inner) for name in places)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style>",
            _TIP,
            f'<text x="{_MARGIN}" y="30" font-weight="bold">{escape(title)}</text>',
            *body,
            "</svg>",
        ]
    )


def _columns(edges: Sequence[Edge]) -> list[list[str]]:
    """Put everybody one column to the right of the furthest who calls them; cycles end where they began."""
    names = sorted({name for edge in edges for name in (edge.source, edge.target)})
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for edge in edges:
            if depth[edge.target] <= depth[edge.source] < len(names) - 1:
                depth[edge.target] = min(depth[edge.source] + 1, len(names) - 1)
    used = sorted(set(depth.values()))
    return [[name for name in names if depth[name] == level] for level in used]


def _box(name: str, x: int, y: int, inner: set[str]) -> str:
    kind = "box" if name in inner else "box out"
    return (
        f'<rect class="{kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + _WIDTH // 2}" y="{y + _HEIGHT // 2 + 4}" text-anchor="middle">{escape(name)}</text>'
    )


def _edge(edge: Edge, places: dict[str, tuple[int, int]]) -> str:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT // 2, y2 + _HEIGHT // 2
    middle = (x1 + x2) // 2
    wide = " wide" if {edge.source, edge.target} & {"anywhere", "0.0.0.0/0"} else ""
    label = escape(", ".join(edge.ports))
    return (
        f'<path class="edge{wide}" marker-end="url(#tip)" d="M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"/>'
        f'<text class="port" x="{x2 - 8}" y="{y2 - 4}" text-anchor="end">{label}</text>'
    )
