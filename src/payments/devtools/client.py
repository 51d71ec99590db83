"""A small HTTP client for the platform's own commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import httpx2

from payments.devtools.errors import ServiceError

_TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (by any spelling of their names) and JSON body of a response."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Client:
    """Talks JSON to the gateway with one credential: an API key or a person's token."""

    def __init__(self, gateway_url: str, credential: str) -> None:
        """Connect lazily."""
        self._http = httpx2.Client(
            base_url=gateway_url,
            headers={"Authorization": f"Bearer {credential}"},
            timeout=_TIMEOUT_SECONDS,
            trust_env=False,  # a proxy for the outside world has no business on the loopback interface
        )

    def get(self, path: str) -> Answer:
        """GET.

        Raises:
            ServiceError: no answer.
        """
        return self._send(self._http.build_request("GET", path))

    def post(self, path: str, body: Json, *, key: str | None = None) -> Answer:
        """POST, with the given idempotency key or a fresh one.

        Raises:
            ServiceError: no answer.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._send(self._http.build_request("POST", path, json=body, headers=headers))

    def put(self, path: str, body: Any) -> Answer:  # noqa: ANN401 - any JSON value
        """PUT.

        Raises:
            ServiceError: no answer.
        """
        return self._send(self._http.build_request("PUT", path, json=body))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        """For a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, request: httpx2.Request) -> Answer:
        try:
            response = self._http.send(request)
        except httpx2.HTTPError as error:
            raise ServiceError(f"{request.method} {request.url} got no answer: {error}") from error
        is_json = "json" in response.headers.get("content-type", "")
        return Answer(response.status_code, response.headers, response.json() if is_json else {"detail": response.text})
