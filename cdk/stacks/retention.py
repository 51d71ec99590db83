"""How long logs are kept."""

from aws_cdk import aws_logs as logs

from cdk.stage import Stage
from cdk.stage_parts import LOG_DAYS

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
assert set(_RETENTION) == set(LOG_DAYS)  # noqa: S101  the stage refuses every other number


def retention(stage: Stage) -> logs.RetentionDays:
    """Return the stage's retention as CloudWatch knows it."""
    return _RETENTION[stage.observability.log_days]
