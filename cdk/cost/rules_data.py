"""Prices of what is kept: databases, caches, volumes, keys and secrets."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from cdk.cost import load as assumed
from cdk.cost.load import HOURS
from cdk.cost.month import Item, Month, Properties
from cdk.cost.pods import gib, values

_GB = Decimal(1_000_000)  # in kB
_VCPUS = {"micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}
_IMAGES_GB = Decimal("0.15")
"""Layers that a release adds to a repository."""
_RELEASES = 20
"""Releases a month, until the lifecycle rule forgets the oldest."""
_SNAPSHOT_SHARE = Decimal("0.5")
"""How full the database is, and so its first backup; later ones add what changed."""


def database(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield the instance and its standby, their storage, and Database Insights."""
    instance = properties["DBInstanceClass"].removeprefix("db.")
    copies = 2 if properties.get("MultiAZ") else 1
    yield Item(
        name, f"{instance}{', with a standby' if copies > 1 else ''}", HOURS * copies, f"rds.instance.{instance}"
    )
    grown = month.load.payments * assumed.STORED_KB / _GB
    size = max(_allocated(properties, month), grown)
    yield Item(
        name, f"storage of {size:,.0f} GB x {copies}", size * copies, f"rds.storage.{_storage(properties, month)}"
    )
    if properties.get("DatabaseInsightsMode") == "advanced":
        yield Item(name, "Database Insights", HOURS * _vcpus(instance), "rds.insights")


def proxy(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield the proxy, which is billed by the size of the database."""
    primary = _primary(month)["DBInstanceClass"].removeprefix("db.")
    yield Item(name, "RDS proxy", HOURS * _vcpus(primary), "rds.proxy")


def backup_plan(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield a full copy per rule; RDS' own backups up to the size of the database are free."""
    size = max(
        Decimal(_primary(month)["AllocatedStorage"]) * _SNAPSHOT_SHARE, month.load.payments * assumed.STORED_KB / _GB
    )
    rules = len(properties["BackupPlan"]["BackupPlanRule"])
    yield Item(name, f"backups by {rules} rules", size * rules, "backup.rds")


def cache(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield its nodes."""
    groups, replicas = properties.get("NumNodeGroups", 1), properties.get("ReplicasPerNodeGroup", 0)
    nodes = properties.get("NumCacheClusters", groups * (1 + replicas))
    node = properties["CacheNodeType"].removeprefix("cache.")
    yield Item(name, f"{nodes} x {node}", HOURS * nodes, f"valkey.{node}")


def key(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield a key, and its share of the requests."""
    share = month.load.payments * assumed.KMS_REQUESTS / 10_000 / sum(1 for _ in month.all("AWS::KMS::Key"))
    yield Item(name, "customer key", Decimal(1), "kms.key")
    yield Item(name, "requests", share, "kms.requests")


def secret(name: str, properties: Properties, _: Month) -> Iterator[Item]:
    """Yield a secret and its copies in other regions."""
    yield Item(name, "secret", Decimal(1 + len(properties.get("ReplicaRegions", ()))), "secrets.secret")


def bucket(name: str, _: Properties, month: Month) -> Iterator[Item]:
    """Yield a year of logs: half a kB a request, kept by lifecycle rules."""
    yield Item(name, "logs, after a year", month.load.requests * 12 / 2 / _GB, "s3.stored")


def image_repository(name: str, _: Properties, __: Month) -> Iterator[Item]:
    """Yield what a month of releases leaves."""
    yield Item(name, f"layers of {_RELEASES} releases", _IMAGES_GB * _RELEASES, "ecr.stored")


def chart(name: str, properties: Properties, month: Month) -> Iterator[Item]:
    """Yield the volumes that a chart claims, and the traces that it sends; its pods are counted on the nodes."""
    said = values({"Properties": properties})
    for size in _claims(said):
        yield Item(name, "volumes", size, "ebs.gp3")
    if "awsxray" in said.get("alternateConfig", {}).get("exporters", {}):
        share = Decimal(month.inputs.profile.trace_percent) / 100
        yield Item(name, f"traces of {share:.0%} of requests", month.load.requests * share / 1_000_000, "xray.traces")


def volume_claim(name: str, spec: Properties, _: Month) -> Iterator[Item]:
    """Yield a volume of the manifests."""
    yield Item(name, "volume", gib(spec["resources"]["requests"]["storage"]), "ebs.gp3")


def stateful_set(name: str, spec: Properties, month: Month) -> Iterator[Item]:
    """Yield the volumes of each replica."""
    for template in spec.get("volumeClaimTemplates", ()):
        for item in volume_claim(name, template["spec"], month):
            yield item._replace(quantity=item.quantity * spec.get("replicas", 1))


def _claims(node: Any) -> Iterator[Decimal]:  # noqa: ANN401 - any part of a chart's values
    if not isinstance(node, dict):
        return
    replicas = int(node.get("replicas", 1))
    storage = node.get("storageSpec") or node.get("storage") or {}
    if isinstance(storage, dict) and "volumeClaimTemplate" in storage:
        yield gib(storage["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"]) * replicas
    if "size" in node.get("persistence", {}):
        yield gib(node["persistence"]["size"]) * replicas
    for child in node.values():
        yield from _claims(child)


def _primary(month: Month) -> Properties:
    return next(each for _, each in month.all("AWS::RDS::DBInstance") if "SourceDBInstanceIdentifier" not in each)


def _allocated(properties: Properties, month: Month) -> Decimal:
    # A replica has the size of what it replicates.
    return Decimal(properties.get("AllocatedStorage") or _primary(month)["AllocatedStorage"])


def _storage(properties: Properties, month: Month) -> str:
    return str(properties.get("StorageType") or _primary(month)["StorageType"])


def _vcpus(instance: str) -> int:
    return _VCPUS[instance.partition(".")[2]]
