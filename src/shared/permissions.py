"""Who may call which route: the one table, enforced by the service that serves the route.

A new route needs one line in `PERMISSIONS`, or it refuses everybody (and a test names the line to add):

    key("payouts:read")                         API keys that carry the scope
    people("operations", "risk")                people with one of the roles; admin is always one of them
    key("fraud:read") | people("risk")          both of these
    staff()                                     every person who has a role
    service("gateway")                          one of our own services, on /internal/ routes

What a caller then sees is another matter: a key sees its merchant's objects in its mode, and nothing else exists (404).
"""

from dataclasses import dataclass
from typing import Literal, get_args

from shared.identity import Identity
from shared.problems import Problem

Role = Literal["admin", "operations", "risk", "support", "read_only"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Permission:
    """What lets a caller through; any one of the three does."""

    scope: str | None = None
    roles: tuple[Role, ...] = ()
    service: str | None = None

    def __or__(self, other: "Permission") -> "Permission":
        """Let through whom either one does."""
        return Permission(self.scope or other.scope, (*self.roles, *other.roles), self.service or other.service)

    def allows(self, caller: Identity) -> bool:
        """Tell whether the caller may."""
        match caller.kind:
            case "api_key":
                return caller.merchant_id is not None and self.scope in caller.scopes
            case "person":
                return not caller.roles.isdisjoint(self.roles)
            case "service":
                return self.service == caller.subject

    def demand(self, caller: Identity) -> None:
        """Let the caller through.

        Raises:
            Problem: 403 that says what is missing.

        """
        if not self.allows(caller):
            raise Problem(403, "forbidden", f"This needs {self.needs}.")

    @property
    def needs(self) -> str:
        """What a caller has to have, in words."""
        ways = []
        if self.scope is not None:
            ways.append(f"an API key with the scope {self.scope}")
        if self.roles:
            ways.append(f"a person with the role {' or '.join(self.roles)}")
        return " or ".join(ways) or "one of the platform's own services"


def key(scope: str) -> Permission:
    """Return the permission of API keys with a scope."""
    return Permission(scope=scope)


def people(*roles: Role) -> Permission:
    """Return the permission of people with one of the roles, administrators included."""
    return Permission(roles=tuple(role for role in ROLES if role == "admin" or role in roles))


def staff() -> Permission:
    """Return the permission of every person who has a role."""
    return Permission(roles=ROLES)


def service(name: str) -> Permission:
    """Return the permission of one of our own services."""
    return Permission(service=name)


PERMISSIONS: dict[str, Permission] = {
    # payments
    "POST /v1/payments": key("payments:write"),
    "GET /v1/payments": key("payments:read") | staff(),
    "GET /v1/payments/{payment}": key("payments:read") | staff(),
    "GET /v1/payments/{payment}/timeline": key("payments:read") | staff(),
    "POST /v1/payments/{payment}/capture": key("payments:write"),
    "POST /v1/payments/{payment}/void": key("payments:write"),
    "POST /v1/payments/{payment}/refunds": key("refunds:write"),
    "GET /v1/refunds": key("refunds:read"),
    "GET /v1/refunds/{refund}": key("refunds:read"),
    "GET /v1/idempotency_keys/{key:path}": key("payments:read"),
    # cards
    "POST /v1/payment_methods": key("payment_methods:write"),
    "GET /v1/payment_methods": key("payment_methods:read"),
    "GET /v1/payment_methods/{id}": key("payment_methods:read"),
    "DELETE /v1/payment_methods/{id}": key("payment_methods:write"),
    # money
    "GET /v1/balances": key("balances:read"),
    "GET /v1/ledger/transactions": key("ledger:read") | staff(),
    "GET /v1/ledger/trial_balance": people("operations", "read_only"),
    "POST /v1/payouts": key("payouts:write"),
    "GET /v1/payouts": key("payouts:read"),
    "GET /v1/payouts/{payout}": key("payouts:read"),
    "GET /v1/payouts/{payout}/items": key("payouts:read"),
    "GET /v1/payouts/{payout}/items.csv": key("payouts:read"),
    "GET /v1/statements": key("balances:read"),
    "GET /v1/statements.csv": key("balances:read"),
    "GET /v1/reconciliations": people("operations", "read_only"),
    "GET /v1/reconciliations/{reconciliation}": people("operations", "read_only"),
    "POST /v1/adjustments": people("operations"),
    "GET /v1/adjustments": people("operations", "read_only"),
    "GET /v1/adjustments/{adjustment}": people("operations", "read_only"),
    "POST /v1/adjustments/{adjustment}/approve": people("operations"),
    "POST /v1/adjustments/{adjustment}/reject": people("operations"),
    "GET /v1/disputes": key("disputes:read"),
    "GET /v1/disputes/{dispute}": key("disputes:read"),
    "POST /v1/disputes/{dispute}/evidence": key("disputes:write"),
    "POST /v1/disputes/{dispute}/accept": key("disputes:write"),
    "PUT /v1/fx/rates": people("operations"),
    "GET /v1/fx/rates": key("fx:read") | staff(),
    "POST /v1/fx/quotes": key("fx:write"),
    "GET /v1/fx/quotes/{quote}": key("fx:read"),
    # events
    "GET /v1/events": key("events:read"),
    "GET /v1/events/{event}": key("events:read"),
    "GET /v1/stream": key("events:read"),
    "POST /v1/webhook_endpoints": key("webhooks:write"),
    "GET /v1/webhook_endpoints": key("webhooks:read"),
    "GET /v1/webhook_endpoints/{webhook_endpoint}": key("webhooks:read"),
    "PATCH /v1/webhook_endpoints/{webhook_endpoint}": key("webhooks:write"),
    "DELETE /v1/webhook_endpoints/{webhook_endpoint}": key("webhooks:write"),
    "POST /v1/webhook_endpoints/{webhook_endpoint}/rotate_secret": key("webhooks:write"),
    "GET /v1/webhook_endpoints/{webhook_endpoint}/deliveries": key("webhooks:read"),
    "POST /v1/webhook_endpoints/{webhook_endpoint}/deliveries/{delivery}/retry": key("webhooks:write"),
    "POST /v1/webhook_endpoints/{webhook_endpoint}/replay": key("webhooks:write"),
    # merchants and their keys
    "POST /v1/merchants": people("operations"),
    "GET /v1/merchants": staff(),
    "GET /v1/merchants/{id}": staff(),
    "PATCH /v1/merchants/{id}": people("operations"),
    "POST /v1/merchants/{id}/api_keys": people(),
    "GET /v1/merchants/{id}/api_keys": people("operations", "support"),
    "DELETE /v1/merchants/{id}/api_keys/{key_id}": people("operations"),
    # fraud
    "POST /v1/fraud/rules": people("risk"),
    "GET /v1/fraud/rules": people("risk"),
    "GET /v1/fraud/rules/{rule}": people("risk"),
    "PATCH /v1/fraud/rules/{rule}": people("risk"),
    "POST /v1/fraud/backtest": people("risk"),
    "POST /v1/fraud/lists": people("risk"),
    "GET /v1/fraud/lists": people("risk"),
    "DELETE /v1/fraud/lists/{entry}": people("risk"),
    "POST /v1/fraud/check": key("fraud:read"),
    "POST /v1/fraud/reports": key("fraud:write"),
    "GET /v1/fraud/links": key("fraud:read") | people("risk"),
    "GET /v1/fraud/reviews": key("fraud:read") | people("risk"),
    "POST /v1/fraud/reviews/{payment}/approve": key("fraud:write") | people("risk"),
    "POST /v1/fraud/reviews/{payment}/decline": key("fraud:write") | people("risk"),
    # risk
    "GET /v1/merchants/{merchant}/acquirer_routes": people("operations", "risk", "support", "read_only"),
    "PUT /v1/merchants/{merchant}/acquirer_routes": people("operations"),
    "GET /v1/merchants/{merchant}/limits": people("operations", "risk", "support", "read_only"),
    "PUT /v1/merchants/{merchant}/limits": people("risk"),
    "GET /v1/merchants/{merchant}/summary": people("operations", "risk", "support", "read_only"),
    "GET /v1/risk/positions": people("risk", "read_only"),
    "GET /v1/risk/portfolio": people("risk", "read_only"),
    "GET /v1/risk/alerts": people("operations", "risk", "read_only"),
    "POST /v1/risk/alerts/{alert}/resolve": people("risk"),
    # administration; the gateway serves stats and circuit breakers itself
    "GET /v1/admin/audit": people("read_only"),
    "GET /v1/admin/pauses": staff(),
    "PUT /v1/admin/pauses/{kind}/{subject}": people("operations", "risk"),
    "DELETE /v1/admin/pauses/{kind}/{subject}": people("operations", "risk"),
    "GET /v1/admin/rate_limits": people("operations", "support", "read_only"),
    "PUT /v1/admin/rate_limits/{merchant}": people("operations"),
    "GET /v1/admin/stats": people("operations", "support", "read_only"),
    "GET /v1/admin/circuit_breakers": people("operations", "support", "read_only"),
    "PUT /v1/admin/circuit_breakers/{name}": people("operations"),
    # between our services; the gateway never proxies these
    # acquirers, whom the gateway lets through unknown: they sign what they send
    "POST /v1/callbacks/{connector}/{mode}": service("gateway"),
    "POST /internal/audit": service("gateway"),
    "POST /internal/api_keys/verify": service("gateway"),
}
