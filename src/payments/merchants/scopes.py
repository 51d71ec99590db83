"""What an API key may be allowed to do. Routes name the scope they need; a key carries some of these."""

from typing import Literal, get_args

Scope = Literal[
    "payments:write",
    "payments:read",
    "refunds:write",
    "refunds:read",
    "payment_methods:write",
    "payment_methods:read",
    "balances:read",
    "ledger:read",
    "events:read",
    "webhooks:write",
    "webhooks:read",
    "fraud:write",
    "fraud:read",
    "fx:write",  # quotes
    "fx:read",
    "disputes:write",
    "disputes:read",
    "payouts:write",
    "payouts:read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
