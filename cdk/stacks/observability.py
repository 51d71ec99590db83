"""Who is told what: topics, alarms on data stores, objectives, a dashboard and the budget."""

from collections.abc import Mapping
from decimal import Decimal

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk.application_metrics import GRAPHS, WATCHED, Graph, Watch
from cdk.stacks.database import DatabaseStack
from cdk.stacks.objectives import LATENCY_PERCENT, burn_alarms, request_share
from cdk.stacks.serverless import ServerlessStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage

_PERIOD = cdk.Duration.minutes(5)


class ObservabilityStack(StageStack):
    def __init__(
        self,
        scope: Construct,
        stage: Stage,
        *,
        logs_key: kms.IKey,
        database: DatabaseStack,
        serverless: ServerlessStack | None,
    ) -> None:
        super().__init__(scope, "observability", stage, description="Alarms, objectives, dashboard and budget")
        self.topic = self._topic(logs_key)
        self._action = actions.SnsAction(self.topic)
        self._dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=stage.prefix)
        self._watch_database(database)
        self._watch_cache()
        if serverless is not None:
            self._watch_serverless(serverless)
        elif stage.cluster.monitoring:
            self._watch_alertmanager(logs_key)
        self._budget()
        self.output("AlarmTopic", self.topic.topic_arn, "Subscribe here to be told")

    def _topic(self, key: kms.IKey) -> sns.Topic:
        topic = sns.Topic(self, "Alarms", topic_name=self.stage.alarm_topic, master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal("budgets.amazonaws.com"),
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                ],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if self.stage.observability.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self.stage.observability.alarm_email))
        return topic

    def _watch_database(self, database: DatabaseStack) -> None:
        instance = {"DBInstanceIdentifier": self.stage.prefix}
        connections = self.stage.database.max_connections * 80 // 100
        tenth = self.stage.database.storage_gib * 2**30 // 10
        cpu = self._alarm("database-cpu", "AWS/RDS", "CPUUtilization", instance, above=80, for_periods=3)
        busy = self._alarm("database-connections", "AWS/RDS", "DatabaseConnections", instance, above=connections)
        full = self._alarm("database-storage", "AWS/RDS", "FreeStorageSpace", instance, below=tenth)
        self._show("Database", cpu, busy, full)
        if database.replica is not None:
            replica = {"DBInstanceIdentifier": f"{self.stage.prefix}-replica"}
            self._show(
                "Replica",
                self._alarm("replica-lag", "AWS/RDS", "ReplicaLag", replica, above=30, for_periods=3),
            )

    def _watch_cache(self) -> None:
        node = {"CacheClusterId": f"{self.stage.prefix}-001"}
        self._show(
            "Cache",
            self._alarm("cache-cpu", "AWS/ElastiCache", "EngineCPUUtilization", node, above=75, for_periods=3),
            self._alarm("cache-memory", "AWS/ElastiCache", "DatabaseMemoryUsagePercentage", node, above=80),
        )

    def _watch_alertmanager(self, key: kms.IKey) -> None:
        """Ring when the cluster's own alerts can ring no more: one of them always fires, and arrives here."""
        name = self.stage.heartbeat_topic
        sns.Topic(self, "Heartbeat", topic_name=name, master_key=key, enforce_ssl=True)
        heard = cloudwatch.Metric(
            namespace="AWS/SNS",
            metric_name="NumberOfMessagesPublished",
            dimensions_map={"TopicName": name},
            statistic="Sum",
            period=_PERIOD,
        )
        silent = self._notifying(
            "alerts-silent",
            heard,
            above=None,
            below=1,
            for_periods=3,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )
        self._show("Alertmanager", silent)

    def _watch_serverless(self, serverless: ServerlessStack) -> None:
        api = serverless.api
        requests = request_share(
            lambda period: api.metric_server_error(period=period, statistic="Sum"),
            lambda period: api.metric_count(period=period, statistic="Sum"),
        )
        budget = 100 - self.stage.observability.availability_percent
        latency = self.stage.observability.latency_ms

        def slow(period: cdk.Duration) -> tuple[str, Mapping[str, cloudwatch.IMetric]]:
            return "100 - fast", {"fast": api.metric_latency(period=period, statistic=f"PR(:{latency})")}

        for objective, percent, share in (
            ("availability", budget, requests),
            ("latency", Decimal(100) - LATENCY_PERCENT, slow),
        ):
            burn_alarms(self, self.stage, objective=objective, budget_percent=percent, share=share, notify=self._action)
        failed = {"QueueName": f"{self.stage.prefix}-tasks-failed"}
        function = {"FunctionName": f"{self.stage.prefix}-platform"}
        self._show(
            "Lambda",
            self._alarm("tasks-failed", "AWS/SQS", "ApproximateNumberOfMessagesVisible", failed, above=0),
            self._alarm("throttles", "AWS/Lambda", "Throttles", function, above=0, statistic="Sum"),
        )
        self._dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Requests",
                width=24,
                left=[api.metric_count(), api.metric_client_error(), api.metric_server_error()],
                right=[api.metric_latency(statistic="p95"), api.metric_latency(statistic="p50")],
            )
        )

        for watch in WATCHED:
            self._watch_services(watch)
        self._dashboard.add_widgets(*(self._graph(graph) for graph in GRAPHS))

    def _watch_services(self, watch: Watch) -> None:
        found = {f"m{number}": each for number, each in enumerate(self._series(watch))}
        worst = "MIN" if watch.below is not None else "MAX"
        expression = f"{worst}([{','.join(found)}])"
        metric = (
            cloudwatch.MathExpression(
                expression=expression, using_metrics=dict(found), period=_PERIOD, label=watch.metric
            )
            if len(found) > 1
            else found["m0"]
        )
        missing = cloudwatch.TreatMissingData.BREACHING if watch.silence_is_bad else None
        self._show(
            "Services",
            self._notifying(watch.name, metric, above=watch.above, below=watch.below, missing=missing),
        )

    def _graph(self, graph: Graph) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(title=graph.title, width=12, left=self._series(graph))

    def _series(self, of: Watch | Graph) -> list[cloudwatch.Metric]:
        return [
            cloudwatch.Metric(
                # As `function_environment` tells the functions.
                namespace=self.stage.prefix,
                metric_name=of.metric,
                dimensions_map=dict(dimensions),
                statistic=of.statistic,
                period=_PERIOD,
            )
            for dimensions in of.series
        ]

    def _alarm(
        self,
        name: str,
        namespace: str,
        metric: str,
        dimensions: Mapping[str, str],
        *,
        above: float | None = None,
        below: float | None = None,
        for_periods: int = 1,
        statistic: str = "Maximum",
    ) -> cloudwatch.Alarm:
        found = cloudwatch.Metric(
            namespace=namespace,
            metric_name=metric,
            dimensions_map=dict(dimensions),
            statistic=statistic if below is None else "Minimum",
            period=_PERIOD,
        )
        return self._notifying(name, found, above=above, below=below, for_periods=for_periods)

    def _notifying(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        above: float | None,
        below: float | None,
        for_periods: int = 1,
        missing: cloudwatch.TreatMissingData | None = None,
    ) -> cloudwatch.Alarm:
        operator = cloudwatch.ComparisonOperator
        threshold = above if above is not None else below
        assert threshold is not None  # noqa: S101  callers give one of the two
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self.stage.prefix}-{name}",
            alarm_description=f"docs/ALARMS.md#{name}",
            metric=metric,
            threshold=threshold,
            comparison_operator=operator.GREATER_THAN_THRESHOLD if below is None else operator.LESS_THAN_THRESHOLD,
            evaluation_periods=for_periods,
            treat_missing_data=missing or cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        return alarm

    def _show(self, title: str, *alarms: cloudwatch.Alarm) -> None:
        self._dashboard.add_widgets(
            *(
                cloudwatch.AlarmWidget(alarm=alarm, title=f"{title}: {alarm.node.id}", width=24 // len(alarms))
                for alarm in alarms
            )
        )

    def _budget(self) -> None:
        ceiling = self.stage.budget.ceiling
        subscribers = [budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=self.topic.topic_arn)]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=self.stage.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=ceiling, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:stage${self.stage.name}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
            ],
        )
