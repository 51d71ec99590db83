"""What the gateway has to be told; environment variables with the prefix ``GATEWAY_``."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    FilePath,
    HttpUrl,
    IPvAnyNetwork,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from gateway.policies import Quota
from shared.secret_files import SecretFiles
from shared.telemetry import TelemetrySettings


def _quota(text: str) -> str:
    Quota.parse(text)
    return text


# Its origin becomes a part of the console's content security policy.
_ISSUER = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[!-~]*)?")
QuotaText = Annotated[str, AfterValidator(_quota)]


class Settings(SecretFiles, TelemetrySettings):
    """Settings of one gateway process."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    payments_url: HttpUrl | None = None
    """Where payments listens: plain HTTP inside the private network, without a path; none where it is in process."""

    identity_key_file: FilePath
    """Ed25519 private key (PEM) that signs the identity of each caller."""

    people_jwks_file: FilePath | None = None
    """Public keys of the issuer of people's tokens, in a file."""

    people_jwks_url: HttpUrl | None = None
    """Or where they are fetched from; with neither, the issuer's OpenID configuration says where."""

    people_issuer: str | None = None
    people_audience: str = "payment-platform"

    console_client_id: Annotated[str, Field(min_length=1)] | None = None
    """What the issuer calls the operator console, a public client; without it there is no console."""

    console_scope: str = "openid"
    """What the console asks the issuer for; some give tokens for our audience only with a scope of their own."""

    redis_url: str | None = None
    """Valkey or Redis, where all replicas count together; without it each counts for itself."""

    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Networks of our own load balancers, whose X-Forwarded-For is believed."""

    write_limit: QuotaText = "500/5"
    read_limit: QuotaText = "1000/5"
    admin_limit: QuotaText = "100/5"
    unauthenticated_limit: QuotaText = "300/60"
    limit_fallback_share: Annotated[float, Field(gt=0, le=1)] = 0.25
    """The part of each quota that a replica hands out by itself while Redis is away."""

    upstream_connections: PositiveInt = 256
    """Requests that payments works on at once for this replica; beyond that they are turned away."""

    write_timeout_seconds: PositiveFloat = 30
    """How long payments may take to start its answer; above the longest deadline of an acquirer."""

    read_timeout_seconds: PositiveFloat = 10
    admin_timeout_seconds: PositiveFloat = 30

    cors_origins: tuple[str, ...] = ()
    docs: bool | None = None
    """Whether /docs and /openapi.json are served; none: everywhere but in production."""

    environment: Literal["development", "staging", "production"] = "development"

    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of requests that are traced, where ``otlp_endpoint`` is set; decided here for everybody behind."""

    @model_validator(mode="after")
    def _check(self) -> "Settings":
        if self.payments_url and (self.payments_url.scheme != "http" or self.payments_url.path not in (None, "", "/")):
            raise ValueError("payments_url is of the form http://host:port")
        keys = (self.people_jwks_file, self.people_jwks_url)
        if keys != (None, None) and (self.people_issuer is None or None not in keys):
            raise ValueError("people_issuer is set with people_jwks_file, people_jwks_url, or neither")
        if self.console_client_id is not None and not _ISSUER.fullmatch(self.people_issuer or ""):
            raise ValueError("console_client_id is set with people_issuer, a URL such as https://login.example")
        if self.environment == "production" and any(
            url.startswith("http://") for url in (str(self.people_jwks_url), self.people_issuer or "")
        ):
            raise ValueError("in production the keys of people come over https")
        return self
