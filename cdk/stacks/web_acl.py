"""The web application firewall, in front of a load balancer or of CloudFront."""

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from cdk.stacks.retention import retention
from cdk.stage import Stage

_MANAGED = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)
_Rule = waf.CfnWebACL.RuleProperty


class WebAcl(Construct):
    """Managed rules and a rate per client address, with what was blocked in a log."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: Stage, where: Literal["REGIONAL", "CLOUDFRONT"], logs_key: kms.IKey
    ) -> None:
        """Make the firewall."""
        super().__init__(scope, id_)
        self.acl = waf.CfnWebACL(
            self,
            "Acl",
            name=stage.web_acl,
            scope=where,
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible(stage.web_acl),
            rules=[self._rate(stage), *(self._managed(i, name) for i, name in enumerate(_MANAGED, start=1))],
        )
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"aws-waf-logs-{stage.prefix}",  # WAF insists on the beginning
            retention=retention(stage),
            encryption_key=logs_key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        group_arn = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=log.log_group_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        waf.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=self.acl.attr_arn,
            log_destination_configs=[group_arn],
            # Bearer keys never reach a log.
            redacted_fields=[waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "authorization"})],
        )

    def _rate(self, stage: Stage) -> _Rule:
        return _Rule(
            name="rate",
            priority=0,
            action=waf.CfnWebACL.RuleActionProperty(block={}),
            statement=waf.CfnWebACL.StatementProperty(
                rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                    aggregate_key_type="IP", limit=stage.edge.requests_per_five_minutes
                )
            ),
            visibility_config=_visible("rate"),
        )

    def _managed(self, priority: int, name: str) -> _Rule:
        return _Rule(
            name=name,
            priority=priority,
            override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
            statement=waf.CfnWebACL.StatementProperty(
                managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                    name=name, vendor_name="AWS"
                )
            ),
            visibility_config=_visible(name),
        )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
