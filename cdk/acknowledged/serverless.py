"""Accepted findings on Lambda, its API and the edge."""

from collections.abc import Iterator

from cdk.acknowledged.kinds import AWS_POLICY, INLINE, ONE_ROLE, REPLICATED_LOGS, Acknowledged, both

_WINDOWS = ("fast-60m", "fast-5m", "slow-360m", "slow-30m", "creeping-1440m", "creeping-120m")


def _function(area: str, path: str, *, star: str, calls: str) -> Iterator[Acknowledged]:
    yield Acknowledged(area, f"{path}/Role/DefaultPolicy", INLINE, ONE_ROLE)
    yield Acknowledged(area, f"{path}/Role/DefaultPolicy", ("AwsSolutions-IAM5[Resource::*]",), star)
    yield Acknowledged(
        area,
        f"{path}/Function",
        ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"),
        "Python 3.13 is what every dependency ships wheels for and what the tests of the bundle run; it is supported.",
    )
    yield Acknowledged(area, f"{path}/Function", ("Serverless-LambdaDLQ", "NIST.800.53.R5-LambdaDLQ"), calls)


_TRACES = "X-Ray and network interfaces know no resources to name in a policy."
_SYNCHRONOUS = "Called synchronously: the caller gets the error, and there is no event to keep."

SERVERLESS = (
    *_function("serverless", "Platform", star=_TRACES, calls=_SYNCHRONOUS),
    *_function("serverless", "Migrate", star=_TRACES, calls=_SYNCHRONOUS),
    *_function("serverless", "Worker", star=_TRACES, calls="Reads a queue, and the queue has the dead-letter queue."),
    *_function("serverless", "Origin/Check", star=_TRACES, calls=_SYNCHRONOUS),
    *_function(
        "edge",
        "Rotate",
        star="X-Ray and random passwords know no resources to name in a policy.",
        calls="Secrets Manager calls it and tries again by itself.",
    ),
    *(
        Acknowledged(area, f"{path}/Function", both("LambdaInsideVPC"), reason)
        for area, path, reason in (
            ("serverless", "Origin/Check", "Reads one secret and no data; inside the VPC it would only start slower."),
            ("edge", "Rotate", "Calls CloudFront and Secrets Manager in us-east-1, where the stage has no network."),
        )
    ),
    Acknowledged(
        "serverless",
        "Worker/Function",
        ("Serverless-LambdaEventSourceMappingDestination",),
        "A queue's failed messages go to the queue's own dead-letter queue; destinations are for streams.",
    ),
    Acknowledged("serverless", "Tasks/Failed", ("Serverless-SQSRedrivePolicy",), "It is the dead-letter queue itself."),
    Acknowledged(
        "serverless",
        "Tasks/ScheduleRole/DefaultPolicy",
        (*INLINE, "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]"),
        "CDK's grant for sending to an encrypted queue, limited to that queue and its key.",
    ),
    Acknowledged(
        "serverless",
        "Deployment/ServiceRole",
        (f"AwsSolutions-IAM4[Policy::{AWS_POLICY}/AWSCodeDeployRoleForLambdaLimited]",),
        "The policy that CodeDeploy documents for shifting Lambda's traffic.",
    ),
    *(
        Acknowledged(
            "serverless",
            f"Rollback{name}",
            ("NIST.800.53.R5-CloudWatchAlarmAction",),
            "CodeDeploy watches it during a deployment; outside of one the objectives' alarms speak.",
        )
        for name in ("Errors", "Slow")
    ),
    *(
        Acknowledged(
            "observability",
            f"{objective}-{window}",
            ("NIST.800.53.R5-CloudWatchAlarmAction",),
            "One window of two: the composite alarm above it acts when both agree.",
        )
        for objective in ("availability", "latency")
        for window in _WINDOWS
    ),
    Acknowledged(
        "serverless",
        "Platform/Function",
        ("Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish",),
        "The alias that takes traffic points at a published version.",
        when=lambda stage: stage.serverless.snap_start,
    ),
    Acknowledged(
        "edge",
        "AccessLogs",
        (
            "AwsSolutions-S1",
            *both("S3BucketLoggingEnabled", "S3BucketReplicationEnabled", "S3DefaultEncryptionKMS"),
        ),
        f"Load balancers deliver only to buckets with S3's own keys. {REPLICATED_LOGS}",
    ),
    Acknowledged(
        "serverless",
        "Api/DefaultRoute",
        ("AwsSolutions-APIG4",),
        "The gateway behind it authenticates every request: API keys, people's tokens, scopes and rates are its job.",
        when=lambda stage: not stage.edge.enabled,
    ),
    Acknowledged(
        "edge",
        "Distribution",
        ("AwsSolutions-CFR1",),
        "Merchants call from anywhere; fraud rules, not borders, decide about payments.",
    ),
)
