"""Merchants and API keys: who may take payments, and with which secret."""

import re
import secrets
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from payments.database import Database
from payments.fresh import Fresh
from payments.http.lists import Cursor
from payments.keyring import Keyring
from payments.merchants import repository
from payments.merchants.schemas import (
    ApiKey,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyVerified,
    Fee,
    FraudPolicy,
    Merchant,
    MerchantCreate,
    MerchantProfile,
    MerchantUpdate,
    PayoutPolicy,
    Quota,
    RateLimits,
    RateLimitsPut,
)
from payments.merchants.scopes import SCOPES
from shared.ids import new_uuid, show
from shared.problems import FieldError, Problem, not_found

__all__ = ["MerchantProfile", "Merchants"]

_PURPOSE = "api_key"
_SECRET = re.compile(r"sk_(test|live)_[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32  # 43 characters
_PREFIX_LENGTH = 12
_LIMITED = ("write", "read")


class Merchants:
    """Merchants, their API keys, and the profiles that payments are made by."""

    def __init__(self, database: Database, keyring: Keyring, *, clock: Callable[[], float] = monotonic) -> None:
        """Take the collaborators; the clock tells how old a profile in memory is."""
        self._database = database
        self._keyring = keyring
        self._profiles: Fresh[UUID, MerchantProfile] = Fresh(self._load_profile, clock)

    async def create(self, body: MerchantCreate) -> Merchant:
        """Take a merchant on."""
        async with self._database.transaction() as connection:
            row = await repository.insert_merchant(connection, {"id": new_uuid(), **_columns(body.model_dump())})
        return _merchant(row)

    async def get(self, merchant_id: UUID) -> Merchant:
        """Return a merchant; raises 404 if there is none."""
        async with self._database.transaction() as connection:
            return _merchant(_existing(await repository.find_merchant(connection, merchant_id)))

    async def list(self, place: Cursor) -> Sequence[Merchant]:
        """Return up to ``limit + 1`` merchants, newest first."""
        async with self._database.transaction() as connection:
            return [_merchant(row) for row in await repository.list_merchants(connection, place)]

    async def update(self, merchant_id: UUID, body: MerchantUpdate) -> Merchant:
        """Change the fields that were sent; payments follow within two seconds, on every replica.

        Raises:
            Problem: 404 if there is no such merchant; 422 for a new settlement currency with the fee of the old one.

        """
        if "settlement_currency" in body.model_fields_set and "fee" not in body.model_fields_set:
            detail = "Send the fee with the settlement currency: its fixed part counts in minor units of that currency"
            raise Problem(422, "validation_failed", f"{detail}.", errors=[FieldError(detail, "/fee")])
        changes = _columns(body.model_dump(exclude_unset=True))
        if not changes:
            return await self.get(merchant_id)
        async with self._database.transaction() as connection:
            row = _existing(await repository.update_merchant(connection, merchant_id, changes))
        self._profiles.forget(merchant_id)
        return _merchant(row)

    async def profile(self, merchant_id: UUID) -> MerchantProfile:
        """Return what a payment needs to know of its merchant, at most two seconds old; raises 404 if there is none."""
        return await self._profiles.get(merchant_id)

    async def create_key(self, merchant_id: UUID, body: ApiKeyCreate) -> ApiKeyCreated:
        """Make an API key; its secret leaves here once, and only its keyed hash stays. Raises 404 for no merchant."""
        secret = f"sk_{'live' if body.livemode else 'test'}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        hash_key_id, digest = self._keyring.sign(_PURPOSE, secret.encode())
        key = {
            "id": new_uuid(),
            "merchant_id": merchant_id,
            "livemode": body.livemode,
            "name": body.name,
            "prefix": secret[:_PREFIX_LENGTH],
            "hash_key_id": hash_key_id,
            "hash": digest,
            "scopes": [scope for scope in SCOPES if scope in body.scopes],
        }
        async with self._database.transaction() as connection:
            _existing(await repository.find_merchant(connection, merchant_id))
            row = await repository.insert_key(connection, key)
        return ApiKeyCreated(secret=secret, **_api_key(row).model_dump())

    async def list_keys(self, merchant_id: UUID, place: Cursor) -> Sequence[ApiKey]:
        """Return up to ``limit + 1`` keys, revoked ones too, newest first; raises 404 if there is no such merchant."""
        async with self._database.transaction() as connection:
            _existing(await repository.find_merchant(connection, merchant_id))
            return [_api_key(row) for row in await repository.list_keys(connection, merchant_id, place)]

    async def revoke_key(self, merchant_id: UUID, key_id: UUID) -> ApiKey:
        """End a key for good; doing it again changes nothing. Raises 404 if the merchant has no such key."""
        async with self._database.transaction() as connection:
            row = await repository.revoke_key(connection, merchant_id, key_id)
        if row is None:
            raise not_found("API key")
        return _api_key(row)

    async def verify(self, secret: str) -> ApiKeyVerified | None:
        """Return whose key this is, or none if it is unknown or revoked.

        The look-up is by a keyed hash, so how long it takes tells nothing about the secrets that are stored: whoever
        measures it cannot choose the hash. Hashes of every key in the ring are tried, which lets the ring rotate.
        """
        if not _SECRET.fullmatch(secret):
            return None
        hashes = [digest for _, digest in self._keyring.candidates(_PURPOSE, secret.encode())]
        async with self._database.transaction() as connection:
            row = await repository.find_key(connection, hashes)
        if row is None:
            return None
        return ApiKeyVerified(
            key_id=show("key", row["id"]),
            merchant_id=show("mer", row["merchant_id"]),
            livemode=row["livemode"],
            scopes=row["scopes"],
            rate_limits={name: row[f"{name}_limit"] for name in _LIMITED if row[f"{name}_limit"] is not None},
        )

    async def rate_limits(self) -> Sequence[RateLimits]:
        """Return the merchants whose quotas are their own, newest first."""
        async with self._database.transaction() as connection:
            return [_rate_limits(row) for row in await repository.list_limited(connection)]

    async def set_rate_limits(self, merchant_id: UUID, body: RateLimitsPut) -> RateLimits:
        """Replace a merchant's quotas; its keys have them within two seconds. Raises 404 for no merchant."""
        quotas = {"write": body.write, "read": body.read}
        changes = {f"{name}_limit": f"{each.limit}/{each.seconds}" if each else None for name, each in quotas.items()}
        async with self._database.transaction() as connection:
            return _rate_limits(_existing(await repository.update_merchant(connection, merchant_id, changes)))

    async def _load_profile(self, merchant_id: UUID) -> MerchantProfile:
        async with self._database.transaction() as connection:
            row = _existing(await repository.find_merchant(connection, merchant_id))
        return MerchantProfile(**{name: row[name] for name in MerchantProfile.__struct_fields__})


def _existing(row: sa.RowMapping | None) -> sa.RowMapping:
    if row is None:
        raise not_found("merchant")
    return row


def _rate_limits(row: sa.RowMapping) -> RateLimits:
    def quota(text: str | None) -> Quota | None:
        limit, _, seconds = (text or "").partition("/")
        return Quota(limit=int(limit), seconds=int(seconds)) if text else None

    return RateLimits(merchant=show("mer", row["id"]), write=quota(row["write_limit"]), read=quota(row["read_limit"]))


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    fee = fields.pop("fee", None)
    if fee is not None:
        fields |= {f"fee_{name}": value for name, value in fee.items()}
    fraud: dict[str, Any] = fields.pop("fraud", {})
    payouts: dict[str, Any] = fields.pop("payouts", {})
    return fields | fraud | {f"payout_{name}": value for name, value in payouts.items()}


def _merchant(row: sa.RowMapping) -> Merchant:
    return Merchant(
        id=show("mer", row["id"]),
        name=row["name"],
        country=row["country"],
        category_code=row["category_code"],
        settlement_currency=row["settlement_currency"],
        fee=Fee(**{name: row[f"fee_{name}"] for name in Fee.model_fields}),
        risk_level=row["risk_level"],
        time_zone=row["time_zone"],
        fx_spread_basis_points=row["fx_spread_basis_points"],
        fraud=FraudPolicy(**{name: row[name] for name in FraudPolicy.model_fields}),
        payouts=PayoutPolicy(**{name: row[f"payout_{name}"] for name in PayoutPolicy.model_fields}),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _api_key(row: sa.RowMapping) -> ApiKey:
    return ApiKey(
        id=show("key", row["id"]),
        merchant=show("mer", row["merchant_id"]),
        livemode=row["livemode"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=row["scopes"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
