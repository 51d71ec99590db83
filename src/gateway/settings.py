"""What the gateway has to be told; environment variables with the prefix ``GATEWAY_``."""

from pydantic import FilePath, HttpUrl, PositiveFloat, PositiveInt, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one gateway process."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    payments_url: HttpUrl
    """Where payments listens: plain HTTP inside the private network, without a path."""

    identity_key_file: FilePath
    """Ed25519 private key (PEM) that signs the identity of each caller."""

    people_jwks_file: FilePath | None = None
    """Public keys of the issuer of people's tokens; without it people are not let in."""

    people_issuer: str | None = None
    people_audience: str = "payment-platform"

    upstream_connections: PositiveInt = 256
    upstream_timeout_seconds: PositiveFloat = 30
    """How long payments may take to start its answer; above the longest deadline of an acquirer."""

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.payments_url.scheme != "http" or self.payments_url.path not in (None, "", "/"):
            raise ValueError("payments_url is of the form http://host:port")
        if (self.people_jwks_file is None) != (self.people_issuer is None):
            raise ValueError("people_jwks_file and people_issuer are set together")
        return self
