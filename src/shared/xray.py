"""Invocations in AWS X-Ray: Lambda decides which are sampled and times the function, we add which one it was.

Powertools' Tracer sends to the daemon beside the function over UDP, so nothing waits for it and nothing fails without
it; its SDK is imported with the first sampled invocation. Spans within a request (``shared.tracing``) go to a collector
of OpenTelemetry, which functions do not have.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def annotated(service: str, **annotations: str | bool) -> Iterator[None]:
    """Record an invocation as a subsegment that can be searched for by its annotations, if it is sampled at all."""
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", ""):
        yield
        return
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - see above

    recorder: Any = Tracer(service=service, auto_patch=False).provider
    subsegment = recorder.begin_subsegment(f"## {service}")
    for name, value in annotations.items():
        subsegment.put_annotation(name, value)
    try:
        yield
    except BaseException:
        subsegment.add_fault_flag()  # without the exception, whose text may quote what was sent
        raise
    finally:
        recorder.end_subsegment()
