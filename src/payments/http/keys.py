"""The ``Idempotency-Key`` header as a dependency of routes that need one."""

from typing import Annotated

from fastapi import Depends, Header, Request

from payments.http.entry import MAX_KEY_LENGTH, idempotency_key


def _key(
    request: Request,
    _documented: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Required. A fresh UUID for each new request, the same one when it is repeated",
            # Said here, checked there: a quoted key is longer, and every fault is the same 400.
            json_schema_extra={"minLength": 1, "maxLength": MAX_KEY_LENGTH},
        ),
    ] = None,
) -> str:
    return idempotency_key([value for name, value in request.headers.raw if name == b"idempotency-key"])


IdempotencyKey = Annotated[str, Depends(_key)]
