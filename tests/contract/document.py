"""The document that the gateway publishes, without starting anything."""

from typing import Any
from unittest.mock import MagicMock

import msgspec

from gateway import container
from gateway.documentation import public_document
from payments.http.entry import Entry
from payments.main import create_app


def published() -> dict[str, Any]:
    """Return what `/openapi.json` answers; a test compares the two."""
    application = create_app(MagicMock())
    assert isinstance(application, Entry)
    payments: Any = application._app
    document = public_document(
        payments.openapi(),
        container._own_application(
            MagicMock(console_client_id=None), MagicMock(), MagicMock(), None, MagicMock(), None
        ).openapi(),
    )
    # As it arrives: with the types and the order that JSON leaves of it.
    return msgspec.json.decode(msgspec.json.encode(document), type=dict[str, Any])
