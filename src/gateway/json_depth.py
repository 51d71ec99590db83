"""How deep a JSON body nests, told without parsing it."""

import re

MOST_LEVELS = 32
# Strings, which may hold brackets that mean nothing, and the brackets that mean something.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


def too_deep(body: bytes) -> bool:
    """Tell whether a body nests deeper than allowed; for nearly every body that takes a microsecond."""
    if body.count(b"{") + body.count(b"[") <= MOST_LEVELS:
        return False
    depth = 0
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MOST_LEVELS:
                return True
        elif first in b"]}":
            depth -= 1
    return False
