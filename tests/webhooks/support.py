"""Short ways to say what the tests of webhooks do all the time."""

from typing import Any

from tests.support import Caller, Platform, body_of


async def endpoint(merchant: Caller, url: str, **more: Any) -> dict[str, Any]:
    """Make an endpoint; returns it with its secret."""
    return body_of(await merchant.post("/v1/webhook_endpoints", {"url": url, **more}, key=None), 201)


async def work(platform: Platform) -> None:
    """Do once what the worker does all the time, and wait for its end."""
    container = platform.container
    await container.sequencer.run()
    await container.deliverer.deliver()
    await container.deliverer.settle()


async def again(platform: Platform) -> int:
    """Make every attempt that is due again."""
    started = await platform.container.deliverer.retry()
    await platform.container.deliverer.settle()
    return started


async def deliveries(merchant: Caller, endpoint_id: str, query: str = "") -> list[dict[str, Any]]:
    """What became of the events, newest first."""
    path = f"/v1/webhook_endpoints/{endpoint_id}/deliveries{query}"
    found: list[dict[str, Any]] = body_of(await merchant.get(path), 200)["data"]
    return found
