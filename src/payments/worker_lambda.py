"""The worker's tasks as a Lambda function: run by a schedule, or by messages of a queue.

{"tasks": ["roll up balances", …]}     a schedule; all tasks when it names none
SQS, each body {"task": "…"}           a queue; messages whose task failed are reported one by one and come again
"""

import json
from collections.abc import Awaitable, Collection
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from payments import worker
from payments.container import Container
from payments.metrics import CATALOGUE
from payments.settings import Settings
from shared.lambda_secrets import write_secret_files
from shared.serverless import Environment


class TasksFailedError(Exception):
    """Some tasks failed; the others have run. The schedule's own retries and alarms see it."""


class WorkerFunction:
    """Runs tasks in an environment that keeps its connection between invocations."""

    def __init__(self) -> None:
        """Connect on first use."""
        self._environment = Environment(CATALOGUE)
        self._container: Container | None = None
        self._processor = BatchProcessor(event_type=EventType.SQS)

    def __call__(self, event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 - Lambda's own class
        """Run what the event names."""
        with self._environment.invocation(context):
            if "Records" in event:
                return process_partial_response(event, self._handle, self._processor, context)
            return self._environment.run(lambda: self._run(event.get("tasks")))

    def _handle(self, record: dict[str, Any]) -> None:
        task = json.loads(record["body"])["task"]
        self._environment.run(lambda: self._run(None if task == "due" else [task]))

    def _run(self, names: Collection[str] | None) -> Awaitable[dict[str, int]]:
        async def run() -> dict[str, int]:
            done = await worker.run_once(await self._opened(), names)
            failed = sorted(name for name, count in done.items() if count is None)
            if failed:
                raise TasksFailedError(", ".join(failed))
            return {name: count for name, count in done.items() if count is not None}

        return run()

    async def _opened(self) -> Container:
        if self._container is None:
            write_secret_files()
            self._container = Container(Settings(), serverless=True, registry=self._environment.registry)
            await self._container.open()
            self._environment.rest()
        return self._container


handler = WorkerFunction()
