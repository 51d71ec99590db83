"""Builds the payments service: the only place that knows which part gets which."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args

from payments.access import Access
from payments.adjustments.service import Adjustments
from payments.audit_log.service import Audit
from payments.connectors.port import Connector, DisputeNotice
from payments.connectors.registry import Registry
from payments.connectors.sandbox.cards import TEST_CARDS
from payments.connectors.sandbox.connector import Delay, SandboxConnector
from payments.connectors.sandbox.disputes import SandboxDisputes
from payments.connectors.sandbox.store import SandboxStore
from payments.connectors.stripe.accounts import stripe_connectors
from payments.controls.service import Controls
from payments.database import Database
from payments.disputes.service import Disputes
from payments.events.sequencer import Sequencer
from payments.events.service import Events
from payments.events.streams import Streams
from payments.events.wakeups import Announcer, Listener
from payments.fraud.desk import FraudDesk
from payments.fraud.service import Fraud
from payments.fx.service import Fx
from payments.idempotency.service import Idempotency
from payments.key_ages.service import KeyAges
from payments.keyring import Keyring
from payments.ledger.service import Ledger
from payments.merchants.service import Merchants
from payments.metrics import CATALOGUE
from payments.payments.callbacks import Callbacks
from payments.payments.calls import Calls
from payments.payments.intake import Intake, Policy
from payments.payments.queries import Queries
from payments.payments.recovery import Recovery
from payments.payments.replies import Replies
from payments.payments.reviews import Reviews
from payments.payments.service import Disputed, Evidence, Payments
from payments.payments.write_path import WritePath, write_pool
from payments.payouts.maturing import Maturing
from payments.payouts.rail import Rails
from payments.payouts.sandbox_rail import SandboxRail
from payments.payouts.service import Payouts
from payments.reconciliation.service import Reconciliation
from payments.risk.service import Risk
from payments.routing.service import Routing
from payments.settings import Settings
from payments.statements.service import Statements
from payments.vault.envelope import Envelope
from payments.vault.keys import key_provider
from payments.vault.service import Vault
from payments.vitals import Vitals
from payments.webhooks.addresses import Guard
from payments.webhooks.deliverer import Deliverer
from payments.webhooks.schemas import DeliveryStatus
from payments.webhooks.secret_box import SecretBox
from payments.webhooks.sender import Sender
from payments.webhooks.service import Webhooks
from shared.metrics import Registry as Metrics
from shared.redis_connection import RedisConnection
from shared.telemetry import Telemetry

# A wake-up that comes later than this is of no use.
_ANNOUNCE_SECONDS = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None:
    pass


class Container:
    """Everything one process of the service needs, built once from its settings."""

    def __init__(
        self,
        settings: Settings,
        *,
        process: str = "payments",
        sandbox_delay: Delay = asyncio.sleep,
        clock: Callable[[], datetime] = _now,
        serverless: bool = False,
        registry: Metrics | None = None,
    ) -> None:
        """Build the parts; nothing connects yet.

        Shapes:
            process: the name under which traces show it; the worker's statements use indexes only.
            sandbox_delay: how the sandbox waits when a card plays slow.
            clock: tells what has matured, and which day it is for payouts.
            serverless: one request at a time, whose answer is sent when it is complete: a single connection to
                PostgreSQL does everything, and streams end.
            registry: measures, where somebody else reads the metrics than Prometheus.
        """
        self.settings = settings
        registry = registry or Metrics(CATALOGUE)
        self.telemetry = Telemetry(process, settings, registry)
        pool = write_pool(settings.connection_info(), shared=serverless)
        self.database = (
            Database.sharing(pool) if serverless else Database(settings.connection_info(), by_index=process == "worker")
        )
        self.keyring = Keyring.load(settings.keyring_file)
        self.access = Access.load(settings.identity_jwks_file)
        self.audit = Audit(self.database)
        self.ledger = Ledger(self.database)
        self.merchants = Merchants(self.database, self.keyring)
        self.risk = Risk(self.database, self.merchants)
        envelope = Envelope(key_provider(settings.vault_key_file, settings.vault_kms_key_id))
        self.vault = Vault(self.database, self.keyring, envelope, {card.number: card.scenario for card in TEST_CARDS})
        self.announcer = Announcer(RedisConnection(settings.redis_url, timeout=_ANNOUNCE_SECONDS))
        self.listener = Listener(settings.redis_url)
        self.sequencer = Sequencer(self.database, self.announcer)
        self.events = Events(self.database, timedelta(days=settings.event_retention_days))
        guard = Guard(allow_loopback=settings.webhook_allow_loopback)
        secrets = SecretBox(self.keyring)
        self.webhooks = Webhooks(
            self.database, self.events, guard, secrets, timedelta(days=settings.delivery_retention_days)
        )
        self.deliverer = Deliverer(self.database, self.events, secrets, Sender(guard), self.telemetry.tracing)
        self.streams = Streams(self.events, self.listener, follow=not serverless)
        self.fx = Fx(
            self.database,
            self.merchants,
            base_currency=settings.fx_base_currency,
            max_age=timedelta(hours=settings.fx_rate_max_age_hours),
            quote_life=timedelta(minutes=settings.fx_quote_minutes),
        )
        self.fraud = Fraud(self.database, settings.redis_url, self.fx, registry.counter("payments_decisions_total"))
        # Functions run by a clock, so that nobody there is woken by a commit.
        self.write_path = WritePath(
            pool, self.ledger, _nothing if serverless else self.announcer.committed, registry, self.fraud.assess
        )
        self.callbacks = Callbacks(self.database, self.write_path, self._receive_dispute)
        self.sandbox_disputes = SandboxDisputes(self.database, self.keyring, self._deliver_sandbox)
        self.sandbox = SandboxConnector(
            SandboxStore(self.database),
            self.keyring,
            disputes=self.sandbox_disputes,
            deliver=self._deliver_sandbox,
            delay=sandbox_delay,
        )
        self.stripe = stripe_connectors(settings, self.vault.reveal)
        self.connectors = Registry([self.sandbox, *self.stripe])
        self.routing = Routing(self.database, self.merchants, self.connectors)
        self.controls = Controls(self.database, self.merchants, self.connectors.names)
        policy = Policy(
            authorization=timedelta(days=settings.authorization_days),
            acquirer_timeout=timedelta(seconds=settings.acquirer_seconds),
        )
        intake = Intake(
            merchants=self.merchants,
            vault=self.vault,
            routing=self.routing,
            controls=self.controls,
            fx=self.fx,
            risk=self.risk,
            policy=policy,
        )
        self.calls = Calls(
            self.write_path, policy.acquirer_timeout, registry.histogram("payments_acquirer_call_seconds")
        )
        self.payments = Payments(
            write_path=self.write_path,
            replies=Replies(self.write_path, self.keyring),
            intake=intake,
            calls=self.calls,
            risk=self.risk,
            connectors=self.connectors,
            controls=self.controls,
            acquirer_timeout=policy.acquirer_timeout,
        )
        self.reviews = Reviews(
            database=self.database,
            merchants=self.merchants,
            write_path=self.write_path,
            calls=self.calls,
            vault=self.vault,
            connectors=self.connectors,
            controls=self.controls,
            policy=policy,
        )
        self.fraud_desk = FraudDesk(self.database, self.fraud, self.merchants, self.vault, self.reviews)
        self.disputes = Disputes(
            database=self.database,
            merchants=self.merchants,
            connectors=self.connectors,
            disputed=Disputed(self.ledger),
            confirm_fraud=self.fraud_desk.confirm_dispute,
            acquirer_timeout=policy.acquirer_timeout,
        )
        self.queries = Queries(self.database)
        self.idempotency = Idempotency(self.database, self.keyring)
        self.maturing = Maturing(self.database, self.ledger, clock)
        self.payouts = Payouts(
            database=self.database,
            ledger=self.ledger,
            merchants=self.merchants,
            idempotency=self.idempotency,
            maturing=self.maturing,
            rails=Rails([SandboxRail(clock)]),
            controls=self.controls,
            clock=clock,
        )
        self.statements = Statements(self.database, self.merchants, clock)
        self.reconciliation = Reconciliation(self.database, self.ledger, Evidence(self.write_path))
        self.adjustments = Adjustments(self.database, self.ledger, self.merchants)
        self.recovery = Recovery(self.database, self.write_path, self.connectors, policy.acquirer_timeout)
        self.vitals = Vitals(
            registry,
            recovery=self.recovery,
            sequencer=self.sequencer,
            deliverer=self.deliverer,
            ledger=self.ledger,
            reconciliation=self.reconciliation,
            key_ages=KeyAges(
                self.database,
                {
                    "identity": self.access.key_ids,
                    "keyring": self.keyring.key_ids,
                    "vault": envelope.keys.key_ids,
                },
            ),
            certificate_hosts=settings.certificate_hosts,
        )
        self._show_counts(registry)

    def _show_counts(self, registry: Metrics) -> None:
        """Show what these count for themselves."""
        connections = registry.gauge("payments_pool_connections")
        for pool, counts in (("write", self.write_path.pool_counts), ("read", self.database.pool_counts)):
            for state in ("used", "most", "waiting"):
                connections.of(pool, state).read = lambda counts=counts, state=state: counts()[state]
        attempts = registry.counter("payments_webhook_attempts_total")
        for result in get_args(DeliveryStatus):
            attempts.of(result).read = lambda result=result: self.deliverer.attempted[result]

    async def _deliver_sandbox(self, headers: Mapping[str, str], body: bytes) -> None:
        await self.callbacks.receive(self.sandbox, headers, body)

    async def _receive_dispute(self, connector: Connector, notice: DisputeNotice) -> None:
        await self.disputes.receive(connector, notice)

    async def open(self) -> None:
        """Start what runs in the background."""
        self.telemetry.open()
        await self.write_path.open()

    async def close(self) -> None:
        """Finish what is under way, then disconnect."""
        await self.streams.close()
        await self.deliverer.close()
        await self.calls.close()
        for connector in self.stripe:
            await connector.close()
        await self.write_path.close()
        await self.announcer.close()
        await self.fraud.close()
        await self.database.dispose()
        await self.telemetry.close()
