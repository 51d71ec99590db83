"""Accounts at Stripe, by the settings. Its library is a tenth of a cold start; stages without an account do without."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from payments.settings import Settings
from payments.vault.schemas import PrimaryAccountNumber

if TYPE_CHECKING:
    from payments.connectors.stripe.connector import StripeConnector

Reveal = Callable[[UUID, UUID], Awaitable[PrimaryAccountNumber]]


class Account(NamedTuple):
    """Where and as whom Stripe is called.

    Shapes:
        livemode: whether the key is a live one.
        base_url: Stripe's own unless given.
    """

    secret_key: str
    webhook_secret: str
    livemode: bool
    base_url: str | None = None


def stripe_connectors(settings: Settings, reveal: Reveal) -> "list[StripeConnector]":
    """Return a connector for each mode whose secrets are set."""
    found = []
    for mode in ("test", "live"):
        key, secret = settings.stripe_secrets(mode)
        if key is not None and secret is not None:
            from payments.connectors.stripe.connector import StripeConnector  # noqa: PLC0415 - see above

            account = Account(
                key.get_secret_value(), secret.get_secret_value(), livemode=mode == "live", base_url=settings.stripe_url
            )
            found.append(StripeConnector(account, reveal))
    return found
