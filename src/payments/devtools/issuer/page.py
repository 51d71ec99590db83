"""The issuer's two pages."""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from payments.devtools.issuer.provider import Person

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 12vh auto; padding: 0 1rem; }
button { display: block; width: 100%; margin: 0 0 .5rem; padding: .7rem 1rem; font: inherit; text-align: left;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .6rem; background: none;
  color: inherit; cursor: pointer; }
button:hover, button:focus-visible { border-color: #4f46e5; outline: 2px solid #4f46e5; }
small { display: block; opacity: .7; }
"""
STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def choice(people: Iterable[Person]) -> str:
    """Return the page on which somebody chooses who to be; the form goes back to where it came from."""
    buttons = "".join(
        f'<button name="person" value="{escape(each.subject)}">{escape(each.name)} · {escape(each.role)}'
        f"<small>{escape(each.does)}</small></button>"
        for each in people
    )
    return _page("Who are you today?", f'<form method="post">{buttons}</form><p>The local issuer of make dev.</p>')


def mistake(what: str) -> str:
    """Return the page that says what is wrong."""
    return _page("This cannot be", f"<p>{escape(what)}</p>")


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
