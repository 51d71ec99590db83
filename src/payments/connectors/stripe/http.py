"""How the official library reaches the network: over the client this platform uses everywhere, and without retries.

One request is one attempt. Whether to try again is decided above, from what is stored.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import httpx2
import stripe


class StripeHttp(stripe.HTTPClient):
    """The library's port to HTTP, asynchronous only. The caller's deadline ends a request by cancelling it."""

    name = "httpx2"

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """Connect lazily; ``transport`` replaces the network."""
        super().__init__()
        # A deadline is set around every call, so the client has none of its own.
        self._client = httpx2.AsyncClient(
            transport=transport, verify=ssl.create_default_context(), timeout=None, trust_env=False
        )

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,  # noqa: ANN401 - as the parent has it
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request.

        Raises:
            APIConnectionError: no answer, or half of one.

        """
        content = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            response = await self._client.request(method, url, headers=dict(headers), content=content)
        except httpx2.HTTPError as error:
            message = f"no answer from Stripe: {type(error).__name__}"
            raise stripe.APIConnectionError(message) from error  # type: ignore[no-untyped-call]
        return response.content, response.status_code, response.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._client.aclose()
