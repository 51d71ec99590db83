"""Events past their retention go by whole months, and the replies of idempotency keys never."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from pydantic import ValidationError

from payments.events.schemas import Stream
from payments.settings import Settings
from shared.ids import new_uuid
from tests.support import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD = datetime(2020, 1, 15, tzinfo=UTC)
_INSERT = """
INSERT INTO payments.events (id, merchant_id, livemode, type, object_id, data)
VALUES (%s, %s, false, 'payment.captured', %s, '{}')
"""


async def test_old_months_go_and_the_cursor_goes_on(service: Platform):
    stream = Stream(new_uuid(), False)
    milliseconds = int(OLD.timestamp() * 1_000)
    old, recent = UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | 1), new_uuid()
    with service.sql() as connection:
        # Literals: the bounds of a partition are no expressions with parameters.
        bounds = connection.execute(
            "SELECT payments.uuid7_floor('2020-01-01Z'), payments.uuid7_floor('2020-02-01Z')"
        ).fetchone()
        assert bounds is not None
        connection.execute(
            f"CREATE TABLE payments.events_2020_01 PARTITION OF payments.events "
            f"FOR VALUES FROM ('{bounds[0]}') TO ('{bounds[1]}')"
        )
    with service.sql("app") as connection:
        for event in (old, recent):
            connection.execute(_INSERT, (event, stream.merchant_id, event))
    events = service.container.events
    await service.container.sequencer.run()
    found, _ = await events.after(stream, 0, 10)
    assert {event.id for event in found} == {old, recent}
    assert await events.prune() == 1
    found, end = await events.after(stream, 0, 10)
    assert [event.id for event in found] == [recent]
    assert end == 2
    assert await events.prune() == 0


async def test_the_last_month_cannot_be_dropped(service: Platform):
    with service.sql("app") as connection, pytest.raises(psycopg.errors.RaiseException, match="31 days"):
        connection.execute("SELECT payments.drop_events_before(now())")


@pytest.mark.parametrize("other", ["idempotency_key_retention_days", "delivery_retention_days"])
async def test_events_outlast_whatever_needs_them(tmp_path: Path, other: str):
    fields: dict[str, Any] = {
        "database_url": "x",
        "redis_url": "x",
        "identity_jwks_file": tmp_path,
        "keyring_file": tmp_path,
    }
    Settings(**fields | {"event_retention_days": 100, other: 99})
    with pytest.raises(ValidationError, match=f"event_retention_days is 100 .* {other}, which is 100"):
        Settings(**fields | {"event_retention_days": 100, other: 100})
