"""The worker's tasks on Lambda: a clock and a queue, with a place for what keeps failing."""

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.stage import Stage


class Tasks(Construct):
    """Every minute a message asks the worker to do what is due; failed messages come again, then wait for a person."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, function: lambda_.Function, key: kms.IKey) -> None:
        """Connect the clock, the queue and the function."""
        super().__init__(scope, id_)
        self.failed = self._queue("Failed", f"{stage.prefix}-tasks-failed", key, retention_period=cdk.Duration.days(14))
        self.queue = self._queue(
            "Queue",
            f"{stage.prefix}-tasks",
            key,
            # Six times the function's own limit, as Lambda asks.
            visibility_timeout=cdk.Duration.minutes(6),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.failed, max_receive_count=3),
        )
        function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=10,
                report_batch_item_failures=True,
                max_concurrency=stage.serverless.worker_concurrency,
            )
        )
        scheduler.Schedule(
            self,
            "EveryMinute",
            schedule_name=f"{stage.prefix}-tasks",
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.minutes(1)),
            target=targets.SqsSendMessage(
                self.queue,
                input=scheduler.ScheduleTargetInput.from_text(json.dumps({"task": "due"})),
                dead_letter_queue=self.failed,
                role=iam.Role(self, "ScheduleRole", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com")),
                # A minute later the next message asks for the same.
                retry_attempts=0,
            ),
        )

    def _queue(
        self,
        id_: str,
        name: str,
        key: kms.IKey,
        *,
        retention_period: cdk.Duration | None = None,
        visibility_timeout: cdk.Duration | None = None,
        dead_letter_queue: sqs.DeadLetterQueue | None = None,
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=retention_period,
            visibility_timeout=visibility_timeout,
            dead_letter_queue=dead_letter_queue,
        )
