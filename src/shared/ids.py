"""Identifiers: UUIDv7, shown as a type prefix and 32 hex digits: they sort by creation and name what they are."""

import re
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

_SHAPE = re.compile(r"[a-z]{2,4}_[0-9a-f]{32}")


def new_uuid() -> UUID:
    """Return a fresh UUIDv7; within one process they only ever grow."""
    return uuid7()


def new_id(prefix: str) -> str:
    """Return a fresh shown id, for example ``pay_0199…``."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def show(prefix: str, value: UUID) -> str:
    """Return the public form of a stored id."""
    return f"{prefix}_{value.hex}"


def uuid_of(prefix: str, text: str) -> UUID:
    """Return the stored form of a shown id.

    Raises:
        ValueError: the text is not an id of this kind.

    """
    if not _SHAPE.fullmatch(text) or not text.startswith(f"{prefix}_"):
        msg = f"expected an id of the form {prefix}_ and 32 hexadecimal digits"
        raise ValueError(msg)
    return UUID(text[-32:])
