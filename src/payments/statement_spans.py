"""A span for each statement that SQLAlchemy runs for a request that is traced; for the others, one look."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import tracing


def trace_statements(engine: AsyncEngine) -> None:
    """Record what this engine does."""
    sa.event.listen(engine.sync_engine, "before_cursor_execute", _begin)
    sa.event.listen(engine.sync_engine, "after_cursor_execute", _end)
    sa.event.listen(engine.sync_engine, "handle_error", _fail)


def _begin(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:  # noqa: ANN401, FBT001
    span = tracing.begin("sql")
    if span is not None:
        operation = statement.split(None, 1)[0].upper()
        span.update_name(f"sql {operation}")
        # Parameters are not in the text: what people and cards are called stays here.
        span.set_attributes(
            {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": statement}
        )
        context.recorded_span = span


def _end(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:  # noqa: ANN401, FBT001
    span = getattr(context, "recorded_span", None)
    if span is not None:
        span.end()


def _fail(failure: sa.engine.ExceptionContext) -> None:
    span = getattr(failure.execution_context, "recorded_span", None)
    if span is not None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415

        # Its kind only: the message of a refused row quotes the row.
        span.set_attribute("error.type", type(failure.original_exception).__name__)
        span.set_status(StatusCode.ERROR)
        span.end()
