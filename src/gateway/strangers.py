"""Callers without a good credential: each address may fail so often, then it is not listened to for a while.

A good credential that is remembered never gets here, so whoever shares an address with an attacker goes on.
"""

from gateway.clock import Clock
from gateway.memory import Memory
from gateway.policies import Quota, Verdict
from gateway.rate_limit import RateLimiter
from shared.problems import Problem

_MOST = 10_000


class Strangers:
    """Counts failures by address."""

    def __init__(self, limiter: RateLimiter, quota: Quota, clock: Clock) -> None:
        """Take what counts, and how many failures an address has."""
        self._limiter = limiter
        self._quota = quota
        self._clock = clock
        self._barred: Memory[Verdict] = Memory(_MOST)

    def check(self, bucket: str) -> None:
        """Raise 429 for an address that has used its quota up; asks nobody."""
        verdict = self._barred.recall(bucket.encode(), self._clock.steady())
        if verdict is not None:
            raise too_many(verdict)

    async def charge(self, bucket: str) -> Verdict:
        """Count one request of an address, or raise 429."""
        verdict = await self._limiter.take(bucket, "unauthenticated", self._quota)
        if not verdict.allowed:
            self._barred.keep(bucket.encode(), verdict, self._clock.steady() + verdict.retry_after)
            raise too_many(verdict)
        return verdict


def too_many(verdict: Verdict) -> Problem:
    """Return the answer for a request beyond its quota."""
    quota = verdict.quota
    headers = {name.decode(): value.decode() for name, value in verdict.headers()}
    return Problem(
        429,
        "rate_limited",
        f"At most {quota.limit} {verdict.kind} requests in {quota.seconds} s. Nothing was done; wait, then repeat it.",
        retryable=True,
        headers={**headers, "Retry-After": str(verdict.retry_after)},
    )
