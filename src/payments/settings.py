"""Settings of the payments service, read from ``PAYMENTS_…`` environment variables."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from payments.credentials import ConnectionInfo, connection_info
from shared.secret_files import SecretFiles
from shared.telemetry import TelemetrySettings


class DatabaseSettings(SecretFiles):
    """How the database is reached.

    Shapes:
        database_url: libpq URL of the application's role, which owns no table.
        database_credentials_file: JSON with username and password, where these are not in the URL; read again for every
            new connection, so that they may change.
        database_credentials_secret: the same in AWS Secrets Manager, by the secret's name.
    """

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", frozen=True)

    database_url: str
    database_credentials_file: Path | None = None
    database_credentials_secret: str | None = None

    def connection_info(self) -> ConnectionInfo:
        """Return what tells each new connection where to go and as whom."""
        return connection_info(self.database_url, self.database_credentials_file, self.database_credentials_secret)


class OwnerSettings(SecretFiles):
    """How `payments migrate` reaches the database, as the role that owns the tables."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", frozen=True)

    owner_database_url: str


class Settings(DatabaseSettings, TelemetrySettings):
    """What differs between places; everything else is code.

    Shapes:
        authorization_days: how long an authorization can be captured.
        certificate_hosts: whose certificates the worker looks at: our own address, acquirers, banks.
        acquirer_seconds: deadline of one call to an acquirer.
        idempotency_key_retention_days: how long the reply to a key is repeated.
        event_retention_days: how long events can be read. They hold the replies that keys repeat and the bodies that
            deliveries send, so they outlast both.
        delivery_retention_days: how long ended deliveries can be read.
        webhook_allow_loopback: lets webhooks reach this very machine; for development only.
        stripe_…: an account per mode, of which a mode needs both secrets; the URL only where Stripe is played.
        fx_rate_max_age_hours: older rates are refused; four days let a weekend pass.
    """

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", frozen=True)

    environment: Literal["development", "staging", "production"] = "development"
    redis_url: str
    identity_jwks_file: Path
    keyring_file: Path
    vault_key_file: Path | None = None
    vault_kms_key_id: str | None = None
    authorization_days: int = 7
    acquirer_seconds: int = 10
    certificate_hosts: tuple[str, ...] = ()
    stripe_test_key: SecretStr | None = None
    stripe_test_webhook_secret: SecretStr | None = None
    stripe_live_key: SecretStr | None = None
    stripe_live_webhook_secret: SecretStr | None = None
    stripe_url: str | None = None
    fx_base_currency: str = "EUR"
    fx_rate_max_age_hours: int = 96
    fx_quote_minutes: int = 15
    idempotency_key_retention_days: int = Field(default=7, ge=1)
    event_retention_days: int = Field(default=400, ge=62)
    delivery_retention_days: int = Field(default=30, ge=7)
    webhook_allow_loopback: bool = False

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.webhook_allow_loopback and self.environment != "development":
            raise ValueError("webhook_allow_loopback is for development: it lets merchants reach this machine itself")
        for name in ("idempotency_key_retention_days", "delivery_retention_days"):
            if self.event_retention_days <= getattr(self, name):
                raise ValueError(
                    f"event_retention_days is {self.event_retention_days} and must be more than {name}, "
                    f"which is {getattr(self, name)}: events hold what keys repeat and deliveries send"
                )
        for mode in ("test", "live"):
            key, secret = self.stripe_secrets(mode)
            if (key is None) != (secret is None):
                raise ValueError(f"stripe_{mode}_key and stripe_{mode}_webhook_secret are set together")
            if key is not None and not key.get_secret_value().startswith((f"sk_{mode}_", f"rk_{mode}_")):
                raise ValueError(f"stripe_{mode}_key is a {mode} key: sk_{mode}_… or rk_{mode}_…")
        return self

    def stripe_secrets(self, mode: str) -> tuple[SecretStr | None, SecretStr | None]:
        """Return the key and the webhook secret of one mode."""
        if mode == "live":
            return self.stripe_live_key, self.stripe_live_webhook_secret
        return self.stripe_test_key, self.stripe_test_webhook_secret
