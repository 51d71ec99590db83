"""How much a caller may send: quotas per class of route, and the headers that tell them.

RateLimit-Policy and RateLimit are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import math
import re
from functools import lru_cache
from typing import Literal, NamedTuple

RouteClass = Literal["write", "read", "admin"]
Class = Literal[RouteClass, "unauthenticated"]
_FORM = re.compile(r"([1-9][0-9]{0,6})/([1-9][0-9]{0,3})")


class Quota(NamedTuple):
    """At most ``limit`` requests at once, refilled evenly over ``seconds``."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """Read ``100/5``: a hundred requests in five seconds.

        Raises:
            ValueError: it is of another form.

        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError("a quota is of the form 100/5: requests, seconds")
        return cls(int(found[1]), int(found[2]))

    @property
    def interval(self) -> int:
        """Microseconds after which one more request is allowed."""
        return max(1, self.seconds * 1_000_000 // self.limit)

    def share(self, part: float) -> "Quota":
        """Return a smaller quota over the same time."""
        return Quota(max(1, int(self.limit * part)), self.seconds)


class Verdict(NamedTuple):
    """What became of one request.

    Shapes:
        backlog: microseconds until the quota is whole again.
        shared: whether all replicas counted together.
    """

    kind: Class
    quota: Quota
    backlog: int
    allowed: bool
    shared: bool

    @property
    def remaining(self) -> int:
        """How many more requests would be let through now."""
        return max(0, self.quota.limit - -(-self.backlog // self.quota.interval))

    @property
    def retry_after(self) -> int:
        """Seconds until one more request is let through."""
        over = self.backlog + self.quota.interval - self.quota.limit * self.quota.interval
        return max(1, math.ceil(over / 1_000_000))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what tells the client; the name of the policy says when this replica counted for itself."""
        name, policy = _policy(self.kind, self.quota, shared=self.shared)
        return [policy, (b"ratelimit", b'"%b";r=%d;t=%d' % (name, self.remaining, -(-self.backlog // 1_000_000)))]


@lru_cache(maxsize=1_000)
def _policy(kind: Class, quota: Quota, *, shared: bool) -> tuple[bytes, tuple[bytes, bytes]]:
    name = (kind if shared else f"{kind}-fallback").encode()
    return name, (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, quota.limit, quota.seconds))
