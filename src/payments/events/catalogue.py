"""Every kind of event there is, in one place: its name, the shape of its data, and what it means.

Adding one is adding a line here and calling ``events.service.record`` with its name. OpenAPI's webhooks and
docs/EVENTS.md follow from this list; ``record`` refuses what is not on it.

A new optional field of ``data`` changes no version. A change that could break a reader raises the version of the line;
stored events keep the version they were written with.
"""

from types import MappingProxyType
from typing import NamedTuple

from payments.adjustments.schemas import MerchantAdjustment
from payments.disputes.schemas import Dispute
from payments.http.models import ResponseModel
from payments.payments.schemas import Payment, Refund
from payments.payouts.schemas import Maturity, Payout
from payments.risk.schemas import Alert
from payments.webhooks.schemas import WebhookDelivery, WebhookEndpoint


class EventType(NamedTuple):
    """One kind of event."""

    name: str
    data: type[ResponseModel]
    meaning: str
    version: int = 1


_ALL = (
    EventType("payment.processing", Payment, "stored; the acquirer is being asked"),
    EventType("payment.review", Payment, "a person has to decide"),
    EventType("payment.authorized", Payment, "the money is held"),
    EventType("payment.captured", Payment, "the money is taken, all that will be"),
    EventType("payment.partially_captured", Payment, "a part is taken, the rest is still held"),
    EventType("payment.voided", Payment, "the held money is released"),
    EventType("payment.expired", Payment, "nobody captured it in time; the money is released"),
    EventType("payment.declined", Payment, "refused; `data.decline` says why"),
    EventType("payment.failed", Payment, "it never reached the acquirer, so nothing happened"),
    EventType("payment.unknown", Payment, "the acquirer did not answer; recovery finds out what happened"),
    EventType("payment.capture_processing", Payment, "the acquirer is being asked for a capture"),
    EventType("payment.capture_failed", Payment, "a capture was refused; the money is still held"),
    EventType("payment.capture_unknown", Payment, "the acquirer did not answer a capture"),
    EventType("payment.void_processing", Payment, "the acquirer is being asked for a void"),
    EventType("payment.void_failed", Payment, "a void was refused; the money is still held"),
    EventType("payment.void_unknown", Payment, "the acquirer did not answer a void"),
    EventType("payment.disputed", Payment, "a cardholder's bank took money of it back"),
    EventType("payment.dispute_won", Payment, "that money came back"),
    EventType("refund.processing", Refund, "the acquirer is being asked for a refund"),
    EventType("refund.succeeded", Refund, "the money went back"),
    EventType("refund.failed", Refund, "a refund was refused; nothing went back"),
    EventType("refund.unknown", Refund, "the acquirer did not answer a refund"),
    EventType("balance.available", Maturity, "captured money became available"),
    EventType("payout.created", Payout, "available money is on its way to your bank"),
    EventType("payout.paid", Payout, "the bank has it"),
    EventType("payout.failed", Payout, "the bank refused it; the money is available again"),
    EventType("dispute.created", Dispute, "a payment is disputed; answer until `data.respond_by`"),
    EventType("dispute.evidence_saved", Dispute, "evidence was saved and not handed in yet"),
    EventType("dispute.responding", Dispute, "your response is on its way to the acquirer"),
    EventType("dispute.needs_response", Dispute, "the acquirer refused your response; give another one"),
    EventType("dispute.under_review", Dispute, "the cardholder's bank looks at your evidence"),
    EventType("dispute.won", Dispute, "the money and the fee are yours again"),
    EventType("dispute.lost", Dispute, "the money stays with the cardholder"),
    EventType("webhook_delivery.parked", WebhookDelivery, "the last attempt to bring you an event has failed"),
    EventType("webhook_endpoint.disabled", WebhookEndpoint, "an endpoint answered 410 and gets nothing any more"),
    EventType("adjustment.posted", MerchantAdjustment, "the platform corrected what it owes you"),
    EventType("risk_alert.opened", Alert, "something about your payments needs a look"),
    EventType("risk_alert.resolved", Alert, "somebody has looked"),
)

CATALOGUE = MappingProxyType({each.name: each for each in _ALL})
