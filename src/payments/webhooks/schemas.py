"""Shapes of webhook endpoints and deliveries."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from payments.http.models import Moment, ResponseModel, SafeLine, SafeText, StrictModel

EndpointStatus = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "parked", "canceled"]

_MAX_URL = 2_048
_DATE_TIME: dict[str, JsonValue] = {"format": "date-time"}

Url = Annotated[
    SafeText,
    Field(
        min_length=1,
        max_length=_MAX_URL,
        description="https, on a public address",
        examples=["https://shop.example/webhooks"],
    ),
]
EventTypes = Annotated[
    list[SafeLine],
    Field(min_length=1, max_length=100, description="only events of these types", examples=[["payment.captured"]]),
]


class EndpointCreate(StrictModel):
    """Where to send events."""

    url: Url
    description: SafeLine | None = None
    event_types: EventTypes | None = Field(default=None, description="null: all of them")


class EndpointUpdate(StrictModel):
    """The fields to change."""

    url: Url = Field(default_factory=str)
    description: SafeLine | None = None
    event_types: EventTypes | None = Field(default=None, description="null: all of them")
    status: EndpointStatus = Field(default="enabled", description="an endpoint that is enabled again gets new events")


class SecretRotate(StrictModel):
    """How long the old secret goes on signing beside the new one."""

    overlap_hours: int = Field(default=24, ge=0, le=168)


class Replay(StrictModel):
    """Which events to send again."""

    created_from: Moment = Field(description="inclusive")
    created_until: Moment | None = Field(default=None, description="exclusive; default: now")
    event_types: EventTypes | None = None


class WebhookEndpoint(ResponseModel):
    """A server of yours that gets events."""

    id: str = Field(examples=["we_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    livemode: bool
    url: str
    description: str | None
    event_types: list[str] | None
    status: EndpointStatus
    disabled_reason: str | None = Field(description="`requested`, or `gone` after it answered 410")
    created_at: str = Field(json_schema_extra=_DATE_TIME)
    updated_at: str = Field(json_schema_extra=_DATE_TIME)


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint, and the secret that signs from now on: it is shown in this answer only."""

    secret: str = Field(examples=["whsec_…"])


class WebhookAttempt(ResponseModel):
    """One request to your server; without a status code there was no answer."""

    number: int
    started_at: str = Field(json_schema_extra=_DATE_TIME)
    status_code: int | None
    latency_ms: int
    error: str | None


class WebhookDelivery(ResponseModel):
    """One event on its way to one endpoint."""

    id: str = Field(examples=["dlv_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    object: Literal["webhook_delivery"] = "webhook_delivery"
    livemode: bool
    endpoint: str
    event: str = Field(description="also the webhook-id", examples=["evt_0199c1d27f3a7e5d8c7b8a9f0e1d2c3b"])
    type: str
    sequence: int
    status: DeliveryStatus = Field(description="parked: the last attempt of the schedule has failed")
    next_attempt_at: str | None = Field(json_schema_extra=_DATE_TIME)
    attempts: list[WebhookAttempt]
    created_at: str = Field(json_schema_extra=_DATE_TIME)
    updated_at: str = Field(json_schema_extra=_DATE_TIME)


class Replayed(ResponseModel):
    """How many events are sent again."""

    object: Literal["webhook_replay"] = "webhook_replay"
    livemode: bool
    endpoint: str
    events: int
