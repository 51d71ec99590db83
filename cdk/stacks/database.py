"""RDS for PostgreSQL: the only truth."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_backup as backup
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.stacks.grants import decrypt_secrets
from cdk.stacks.network import NetworkStack
from cdk.stacks.retention import retention
from cdk.stacks.security import SecurityStack
from cdk.stacks.stage_stack import StageStack
from cdk.stage import Stage

ENGINE = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_18_3)
_LOGS = ("postgresql", "upgrade")
_ROTATION = cdk.Duration.days(30)


class DatabaseStack(StageStack):
    def __init__(self, scope: Construct, stage: Stage, *, network: NetworkStack, security: SecurityStack) -> None:
        super().__init__(scope, "database", stage, description="PostgreSQL, its secrets and its backups")
        self._vpc = network.vpc
        self._security = security
        self._subnets = ec2.SubnetSelection(subnet_group_name="isolated")
        self.group = self._security_group("Group", "PostgreSQL")
        self._parameters = self._parameter_group()
        owner = self._secret("owner")
        self.instance = self._instance(owner)
        self._keep_logs(self.instance, self.stage.prefix)
        self.owner_secret = self.instance.secret or owner
        self.app_secret = self._secret("app", master=owner).attach(self.instance)
        self.replica = self._replica() if stage.database.replica else None
        self.proxy_group = self._security_group("ProxyGroup", "RDS proxy") if stage.database.proxy else None
        self.proxy = self._proxy(self.proxy_group) if self.proxy_group else None
        self._rotate()
        if stage.protected:
            self._back_up()
        self.output("OwnerSecretName", stage.secret("database/owner"), "Secret of the role that migrates")
        self.output("AppSecretName", stage.secret("database/app"), "Secret of the services' role")

    @property
    def host(self) -> str:
        """Where the services connect."""
        return self.proxy.endpoint if self.proxy else self.instance.db_instance_endpoint_address

    @property
    def reader_host(self) -> str:
        """Where reads that may lag behind connect."""
        return self.replica.db_instance_endpoint_address if self.replica else self.host

    def _security_group(self, id_: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, id_, vpc=self._vpc, description=description, allow_all_outbound=False)

    def _secret(self, role: str, *, master: secretsmanager.ISecret | None = None) -> rds.DatabaseSecret:
        return rds.DatabaseSecret(
            self,
            f"{role.title()}Secret",
            username=f"payments_{role}",
            dbname=self.stage.database_name,
            secret_name=self.stage.secret(f"database/{role}"),
            encryption_key=self._security.secrets_key,
            master_secret=master,
            # Passwords travel inside connection URLs.
            exclude_characters=" %+~`#$&*()|[]{}:;<>?!'/@\"\\",
        )

    def _parameter_group(self) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            self,
            "Parameters",
            engine=ENGINE,
            description=f"{self.stage.prefix}: TLS only, connections by budget, slow statements logged",
            parameters={
                "rds.force_ssl": "1",
                "max_connections": str(self.stage.database.max_connections),
                "log_min_duration_statement": "500",
                "log_lock_waits": "1",
                "log_connections": "1",
                "log_disconnections": "1",
                "log_statement": "ddl",
                "idle_in_transaction_session_timeout": "60000",
                "shared_preload_libraries": "pg_stat_statements",
            },
        )

    def _instance(self, owner: rds.DatabaseSecret) -> rds.DatabaseInstance:
        database = self.stage.database
        return rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=self.stage.prefix,
            engine=ENGINE,
            instance_type=ec2.InstanceType(database.instance),
            database_name=self.stage.database_name,
            credentials=rds.Credentials.from_secret(owner),
            vpc=self._vpc,
            vpc_subnets=self._subnets,
            security_groups=[self.group],
            multi_az=database.multi_az,
            # One zone is enough where nothing has to survive its loss.
            availability_zone=None if database.multi_az else self.stage.zones[0],
            storage_type=rds.StorageType.GP3,
            allocated_storage=database.storage_gib,
            max_allocated_storage=database.max_storage_gib,
            storage_encryption_key=self._security.data_key,
            backup_retention=cdk.Duration.days(database.backup_days),
            delete_automated_backups=not self.stage.protected,
            preferred_backup_window="01:00-02:00",
            preferred_maintenance_window="sun:02:30-sun:03:30",
            removal_policy=cdk.RemovalPolicy.SNAPSHOT if self.stage.protected else cdk.RemovalPolicy.DESTROY,
            **self._common(),
        )

    def _common(self) -> dict[str, Any]:
        """What the instance and its replica share."""
        insights = self.stage.database.insights
        return {
            "parameter_group": self._parameters,
            "ca_certificate": rds.CaCertificate.RDS_CA_ECC384_G1,
            "iam_authentication": True,
            "auto_minor_version_upgrade": True,
            "copy_tags_to_snapshot": True,
            "publicly_accessible": False,
            "deletion_protection": self.stage.protected,
            "monitoring_interval": cdk.Duration.seconds(60),
            "cloudwatch_logs_exports": list(_LOGS),
            "database_insights_mode": rds.DatabaseInsightsMode.ADVANCED
            if insights
            else rds.DatabaseInsightsMode.STANDARD,
            "enable_performance_insights": insights,
            "performance_insight_encryption_key": self._security.data_key if insights else None,
            "performance_insight_retention": rds.PerformanceInsightRetention.MONTHS_15 if insights else None,
        }

    def _replica(self) -> rds.DatabaseInstanceReadReplica:
        # It inherits the encryption of its source; RDS refuses to be told.
        name = f"{self.stage.prefix}-replica"
        replica = rds.DatabaseInstanceReadReplica(
            self,
            "Replica",
            instance_identifier=name,
            source_database_instance=self.instance,
            instance_type=ec2.InstanceType(self.stage.database.instance),
            vpc=self._vpc,
            vpc_subnets=self._subnets,
            security_groups=[self.group],
            storage_type=rds.StorageType.GP3,
            max_allocated_storage=self.stage.database.max_storage_gib,
            removal_policy=cdk.RemovalPolicy.DESTROY,
            **self._common(),
        )
        self._keep_logs(replica, name)
        return replica

    def _keep_logs(self, instance: cdk.Resource, name: str) -> None:
        """Make the groups that RDS would otherwise make by itself, unencrypted and kept forever."""
        for log in _LOGS:
            group = logs.LogGroup(
                self,
                f"{instance.node.id}{log.title()}Log",
                log_group_name=f"/aws/rds/instance/{name}/{log}",
                retention=retention(self.stage),
                encryption_key=self._security.logs_key,
                removal_policy=self.removal,
            )
            instance.node.add_dependency(group)

    def _proxy(self, group: ec2.SecurityGroup) -> rds.DatabaseProxy:
        group.add_egress_rule(self.group, ec2.Port.tcp(self.stage.ports["database"]), "To PostgreSQL")
        self.group.add_ingress_rule(group, ec2.Port.tcp(self.stage.ports["database"]), "From the proxy")
        role = iam.Role(self, "ProxyRole", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        role.add_to_policy(decrypt_secrets(self, self._security.secrets_key))
        # By ARN: with the secret itself, CDK would write the role into the key's policy, and the stacks into a circle.
        secret = secretsmanager.Secret.from_secret_complete_arn(self, "ProxySecret", self.app_secret.secret_arn)
        return rds.DatabaseProxy(
            self,
            "Proxy",
            db_proxy_name=self.stage.prefix,
            proxy_target=rds.ProxyTarget.from_instance(self.instance),
            secrets=[secret],
            role=role,
            require_tls=True,
            vpc=self._vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="private"),
            security_groups=[group],
        )

    def _rotate(self) -> None:
        group = self._security_group("RotationGroup", "Rotation of database passwords")
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "To Secrets Manager")
        group.add_egress_rule(self.group, ec2.Port.tcp(self.stage.ports["database"]), "To PostgreSQL")
        self.group.add_ingress_rule(group, ec2.Port.tcp(self.stage.ports["database"]), "From rotation")
        where: dict[str, Any] = {
            "vpc": self._vpc,
            "vpc_subnets": ec2.SubnetSelection(subnet_group_name="private"),
            "security_groups": [group],
        }
        single = secretsmanager.HostedRotation.postgre_sql_single_user(
            function_name=f"{self.stage.prefix}-rotate-owner", **where
        )
        # Two users take turns, so that connections opened with the previous password stay valid.
        multi = secretsmanager.HostedRotation.postgre_sql_multi_user(
            function_name=f"{self.stage.prefix}-rotate-app", master_secret=self.owner_secret, **where
        )
        self.owner_secret.add_rotation_schedule("Rotation", hosted_rotation=single, automatically_after=_ROTATION)
        self.app_secret.add_rotation_schedule("Rotation", hosted_rotation=multi, automatically_after=_ROTATION)

    def _back_up(self) -> None:
        """Copies that survive the instance, beside the backups for point-in-time recovery."""
        vault = backup.BackupVault(
            self,
            "BackupVault",
            backup_vault_name=self.stage.prefix,
            encryption_key=self._security.data_key,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        plan = backup.BackupPlan(self, "BackupPlan", backup_plan_name=self.stage.prefix, backup_vault=vault)
        for name, schedule, days in (
            ("daily", events.Schedule.cron(hour="3", minute="0"), self.stage.database.backup_days),
            ("monthly", events.Schedule.cron(day="1", hour="4", minute="0"), 365),
        ):
            rule = backup.BackupPlanRule(
                rule_name=name, schedule_expression=schedule, delete_after=cdk.Duration.days(days)
            )
            plan.add_rule(rule)
        plan.add_selection("Database", resources=[backup.BackupResource.from_rds_database_instance(self.instance)])
