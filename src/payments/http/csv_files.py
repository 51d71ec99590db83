"""CSV exports (RFC 4180), streamed. They hold ids, kinds, amounts and times of ours, so no cell starts a formula."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

MEDIA_TYPE = "text/csv"

_ROWS_AT_ONCE = 500


async def csv_lines(columns: Sequence[str], rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[str]:
    """Yield a header and a line per row, many lines at once."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore")
    writer.writeheader()
    count = 0
    async for row in rows:
        writer.writerow(row)
        count += 1
        if count % _ROWS_AT_ONCE == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
