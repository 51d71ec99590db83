"""The order of the measurements, and what each one says.

The yardstick and the payments take turns (A B A B A B) and are compared pair by pair, so that whatever slows the
machine for a while slows both.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from bench import cpu, decisions
from bench.generator import Outcome
from bench.load import BenchError, Load
from bench.stage import Stage, running_stage
from bench.tpcb import Pgbench, Tpcb
from payments.devtools.client import Client

OPEN_SHARE = 0.6  # of the measured saturation
# Latency below saturation is measured in so many turns per round, each as much shorter: a disk that somebody else keeps
# busy for a second then spoils one of them and not the median.
OPEN_TURNS = 3
# So many of the payments go straight to payments, at the same moments as the others go through the gateway, to see what
# it adds: few enough that the gateway has its work to do.
STRAIGHT_SHARE = 0.1
POSTGRES, GENERATOR = "postgres", "generator"
OURS = ("gateway", "payments", "worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured: seconds a phase, rounds, scale of pgbench, cards of a load, warm or not, cards counted."""

    seconds: float = 10.0
    rounds: int = 3
    scale: int = 30
    cards: int = 200
    warm_up: bool = True
    counted_cards: int = 20_000


QUICK = Plan(seconds=0.5, rounds=1, scale=1, cards=20, warm_up=False, counted_cards=1000)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """One run of pgbench.

    Shapes:
        tps: transactions per second.
        latency: mean, milliseconds.
        cpu_ms: CPU milliseconds per transaction, of PostgreSQL and of pgbench itself (as the generator).
        others: share of the machine (0 to 1) that others used meanwhile.
    """

    tps: float
    latency: float
    cpu_ms: dict[str, float]
    others: float


@dataclass(frozen=True, slots=True)
class Phase:
    """One run of payments.

    Shapes:
        payments: per second.
        rate: what the open loop sent per second; None for a closed one.
        p50, p95, p99: milliseconds.
        errors: by HTTP status or by what went wrong.
        cpu_ms: CPU milliseconds per payment, by part of the platform, and of the generator; of loads that are sent at
            the same time, for all of them together.
        others: as for the yardstick.
    """

    answered: int
    payments: float
    rate: float | None
    p50: float
    p95: float
    p99: float
    errors: dict[str, int]
    cpu_ms: dict[str, float]
    others: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything that was measured in one run.

    Shapes:
        tpcb, spread, hot: one entry per round, taken in turns.
        ratio: median over the rounds of payments ÷ transactions of pgbench.
        cpu_ratio: the same, of the CPU time that a transaction takes ÷ what a payment takes, generators included: what
            the ratio is where nothing but CPU is short, and hardly touched by others on the machine.
        hot_ratio: the same, of one merchant's payments ÷ payments spread over two.
        spread_open: below saturation through the gateway, in turns.
        shared_open, straight_open: as many payments a second, most of them through the gateway and, at the same
            moments, the others straight to payments.
        hop_ms: what the gateway adds to the median latency of these; median over the turns, milliseconds.
        answered, written: payments that clients were told of, and that the database holds.
        degraded: payments decided without Redis.
        rules: how many fraud rules were on.
        rules_us: CPU microseconds of evaluating them once.
        redis_mb: megabytes of Redis memory per million active cards.
        memory_mib: the most that each of our processes held after any phase: what a pod's limit has to leave room for.
        balanced: whether the books balance after all of it.
        durability: the server's own word on fsync and synchronous_commit.
        sync_ms: what one durable write takes on this disk, milliseconds.
    """

    tpcb: list[Yardstick]
    spread: list[Phase]
    hot: list[Phase]
    spread_open: list[Phase]
    shared_open: list[Phase]
    straight_open: list[Phase]
    external: Phase
    external_open: Phase
    ratio: float
    cpu_ratio: float
    hot_ratio: float
    hop_ms: float
    answered: int
    written: int
    degraded: int
    rules: int
    rules_us: float
    redis_mb: float
    memory_mib: dict[str, float]
    balanced: bool
    durability: dict[str, str]
    sync_ms: float

    @property
    def errors(self) -> int:
        """Answers other than success, and payments that were confirmed but are not there."""
        below = (*self.spread_open, *self.shared_open, *self.straight_open, self.external_open)
        phases = (*self.spread, *self.hot, *below, self.external)
        return sum(sum(phase.errors.values()) for phase in phases) + max(0, self.answered - self.written)


def measure(plan: Plan, tell: Callable[[str], None]) -> Measured:
    """Measure everything once; `tell` hears what happens now.

    Raises:
        ToolError: the platform did not start, or a phase gave no result.
    """
    tell("starting the platform and making cards")
    with running_stage(plan.cards) as stage:
        tell(f"filling pgbench's tables, scale {plan.scale}")
        pgbench = Pgbench(stage.postgres, plan.scale)
        return _Measurement(plan, stage, pgbench, tell).run()
    raise BenchError("interrupted")  # the platform takes Ctrl-C for the end of its `with` block


class _Measurement:
    def __init__(self, plan: Plan, stage: Stage, pgbench: Pgbench, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._stage = stage
        self._pgbench = pgbench
        self._tell = tell
        self._answered = 0
        self._memory: dict[str, float] = dict.fromkeys(OURS, 0.0)

    def run(self) -> Measured:
        stage = self._stage
        if self._plan.warm_up:
            self._tell("warming up")
            self._turn()
            self._saturate(stage.external)
        rounds = []
        for number in range(1, self._plan.rounds + 1):
            self._tell(f"round {number} of {self._plan.rounds}: pgbench, payments of two merchants, of one merchant")
            rounds.append(self._turn())
        tpcb, spread, hot = (list(results) for results in zip(*rounds, strict=True))
        self._tell("waiting until the database and the worker have caught up")
        stage.settle()
        self._tell(f"payments at {OPEN_SHARE:.0%} of that, through the gateway, and some beside it")
        rate, seconds = OPEN_SHARE * median(phase.payments for phase in spread), self._plan.seconds / OPEN_TURNS
        spread_open, shared_open, straight_open = [], [], []
        for _ in range(OPEN_TURNS * self._plan.rounds):
            spread_open.append(self._arrive(stage.spread, rate, seconds))
            shared, straight = self._arrive_together(rate, seconds)
            shared_open.append(shared)
            straight_open.append(straight)
        self._tell("payments in the external order, at saturation and below")
        external = self._saturate(stage.external)
        external_open = self._arrive(stage.external, OPEN_SHARE * external.payments, self._plan.seconds)
        written, degraded = self._stored()
        self._tell("the rules alone, and the memory of counters")
        with Client(stage.state.gateway_url, stage.state.admin_token) as admin:
            rules = decisions.active_rules(admin)
        return Measured(
            tpcb=tpcb,
            spread=spread,
            hot=hot,
            spread_open=spread_open,
            shared_open=shared_open,
            straight_open=straight_open,
            external=external,
            external_open=external_open,
            ratio=median(phase.payments / yardstick.tps for phase, yardstick in zip(spread, tpcb, strict=True)),
            cpu_ratio=median(
                sum(yardstick.cpu_ms.values()) / sum(phase.cpu_ms.values())
                for phase, yardstick in zip(spread, tpcb, strict=True)
            ),
            hot_ratio=median(one.payments / two.payments for one, two in zip(hot, spread, strict=True)),
            hop_ms=median(one.p50 - other.p50 for one, other in zip(shared_open, straight_open, strict=True)),
            answered=self._answered,
            written=written,
            degraded=degraded,
            rules=len(rules),
            rules_us=decisions.rules_microseconds(rules),
            redis_mb=decisions.redis_megabytes(stage.folder / "counters", self._plan.counted_cards),
            memory_mib=self._memory,
            balanced=self._balanced(),
            durability=self._durability(),
            sync_ms=stage.sync_ms,
        )

    def _turn(self) -> tuple[Yardstick, Phase, Phase]:
        return self._yardstick(), self._saturate(self._stage.spread), self._saturate(self._stage.hot)

    def _yardstick(self) -> Yardstick:
        before, own = self._stage.meter.read(), cpu.own()
        found: Tpcb = self._pgbench.run(self._plan.seconds)
        after = self._stage.meter.read()
        tools = cpu.own() - own
        used = {POSTGRES: after.parts[POSTGRES] - before.parts[POSTGRES], GENERATOR: tools}
        cpu_ms = {name: 1000 * seconds / found.transactions for name, seconds in used.items()}
        return Yardstick(found.tps, found.latency, cpu_ms, cpu.others(before, after, tools))

    def _saturate(self, load: Load) -> Phase:
        [phase] = self._send(self._plan.seconds, (load, None))
        return phase

    def _arrive(self, load: Load, rate: float, seconds: float) -> Phase:
        [phase] = self._send(seconds, (load, rate))
        return phase

    def _arrive_together(self, rate: float, seconds: float) -> list[Phase]:
        """Send most payments through the gateway and, at the same time, the others straight to payments."""
        beside = STRAIGHT_SHARE * rate
        return self._send(seconds, (self._stage.spread, rate - beside), (self._stage.straight, beside))

    def _send(self, seconds: float, *loads: tuple[Load, float | None]) -> list[Phase]:
        """Send loads at the same time, each at its rate, or as fast as answers come back."""
        before, own = self._stage.meter.read(), cpu.own()
        with ThreadPoolExecutor(len(loads)) as threads:  # one waits for each generator
            sending = [threads.submit(_outcome, load, rate, seconds) for load, rate in loads]
            outcomes = [each.result() for each in sending]
        after = self._stage.meter.read()
        answered = sum(found.answered for found in outcomes)
        self._answered += answered
        memory = self._stage.meter.memory()
        self._memory = {name: max(most, memory[name]) for name, most in self._memory.items()}
        used = {name: after.parts[name] - before.parts[name] for name in after.parts}
        used[GENERATOR] = sum(found.cpu_seconds for found in outcomes)
        cpu_ms = {name: 1000 * seconds / answered for name, seconds in used.items()}
        others = cpu.others(before, after, cpu.own() - own)
        return [
            Phase(
                answered=found.answered,
                payments=found.answered / found.seconds,
                rate=rate,
                p50=found.p50,
                p95=found.p95,
                p99=found.p99,
                errors=found.errors,
                cpu_ms=cpu_ms,
                others=others,
            )
            for (_, rate), found in zip(loads, outcomes, strict=True)
        ]

    def _stored(self) -> tuple[int, int]:
        """Return how many payments are captured, and how many of all were decided without signals from Redis."""
        query = """
            SELECT count(*) FILTER (WHERE status = 'captured'),
                   count(*) FILTER (WHERE receipt->>'source' <> 'redis')
              FROM payments.payments"""
        with self._stage.postgres.connect("payments") as connection:
            written, degraded = connection.execute(query).fetchone() or (0, 0)
        return int(str(written)), int(str(degraded))

    def _balanced(self) -> bool:
        with Client(self._stage.state.gateway_url, self._stage.state.admin_token) as admin:
            return bool(admin.get("/v1/ledger/trial_balance?livemode=false").body["balanced"])

    def _durability(self) -> dict[str, str]:
        found = {}
        with self._stage.postgres.connect() as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
                found[setting] = str(row[0]) if row else ""
        return found


def _outcome(load: Load, rate: float | None, seconds: float) -> Outcome:
    return load.saturate(seconds) if rate is None else load.arrive(seconds, rate)
