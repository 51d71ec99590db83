"""Whether AWS offers the versions that the stage pins, and how long it will support them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from cdk.doctor.look import Look
from cdk.stacks.cache import ENGINE_VERSION as VALKEY
from cdk.stacks.cluster import ADDONS
from cdk.stacks.database import ENGINE as POSTGRES
from cdk.stacks.functions import RUNTIME
from payments.devtools.doctor import Finding

_NOTICE = timedelta(days=90)
"""An upgrade is rehearsed in development and staging first."""


@dataclass(frozen=True)
class _Told:
    """An end of support that no API tells."""

    ends: date
    source: str
    read: date


_TABLE = {
    f"Lambda {RUNTIME.name}": _Told(
        date(2029, 6, 30), "docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html", date(2026, 11, 25)
    ),
    # Three years from the first release of a minor version; of 8.1 that was on 31 March 2025.
    f"Valkey {VALKEY}": _Told(date(2028, 3, 31), "valkey.io/topics/releases", date(2026, 11, 25)),
}


def eks(look: Look) -> Iterator[Finding]:
    """The cluster's version is in standard support, and the add-ons' versions exist for it."""
    if look.on_lambda:
        return
    client, version = look.client("eks"), look.stage.cluster.version
    found = client.describe_cluster_versions(clusterVersions=[version])["clusterVersions"]
    later = "one minor version at a time: docs/DEPLOYMENT.md, EKS"
    if not found or found[0]["versionStatus"] == "UNSUPPORTED":
        yield Finding(f"EKS has no Kubernetes {version}", "set `cluster.version` in cdk/stages.py to one that it has")
        return
    if found[0]["versionStatus"] == "EXTENDED_SUPPORT":
        yield Finding(f"Kubernetes {version} is in extended support, which costs six times as much", later)
    else:
        yield _ending(look, f"Kubernetes {version}", found[0]["endOfStandardSupportDate"], later)
    for name, (pinned, _) in ADDONS.items():
        yield _addon(client, version, name, pinned)


def _addon(client: Any, kubernetes: str, name: str, pinned: str) -> Finding:  # noqa: ANN401 - a boto3 client
    answer = client.describe_addon_versions(kubernetesVersion=kubernetes, addonName=name)
    offered = {each["addonVersion"]: each for addon in answer["addons"] for each in addon["addonVersions"]}
    if pinned in offered:
        return Finding(f"add-on {name} {pinned}")
    usual = [
        version
        for version, each in offered.items()
        if any(compatible.get("defaultVersion") for compatible in each["compatibilities"])
    ]
    take = f"take {usual[0]}" if usual else "take one of `aws eks describe-addon-versions`"
    return Finding(f"EKS has no add-on {name} {pinned} for {kubernetes}", f"{take}: ADDONS in cdk/stacks/cluster.py")


def postgres(look: Look) -> Iterator[Finding]:
    """RDS has the engine's version, and supports its major version."""
    assert POSTGRES.engine_version is not None  # noqa: S101  it is pinned
    version, client = str(POSTGRES.engine_version.full_version), look.client("rds")
    if not client.describe_db_engine_versions(Engine="postgres", EngineVersion=version)["DBEngineVersions"]:
        yield Finding(
            f"RDS has no PostgreSQL {version}", "set the version in cdk/stacks/database.py to one that it has"
        )
        return
    major = version.partition(".")[0]
    answer = client.describe_db_major_engine_versions(Engine="postgres", MajorEngineVersion=major)
    ends = [
        cycle["LifecycleSupportEndDate"]
        for each in answer["DBMajorEngineVersions"]
        for cycle in each["SupportedEngineLifecycles"]
        if cycle["LifecycleSupportName"] == "open-source-rds-standard-support"
    ]
    if ends:
        yield _ending(look, f"PostgreSQL {version}", ends[0], "docs/DEPLOYMENT.md, PostgreSQL")
    else:
        yield Finding(
            f"PostgreSQL {version} is offered; RDS does not say until when",
            "look into its release calendar for PostgreSQL",
            known=False,
        )


def valkey(look: Look) -> Iterator[Finding]:
    """ElastiCache has the engine's version; how long, only the table knows."""
    found = look.client("elasticache").describe_cache_engine_versions(Engine="valkey", EngineVersion=VALKEY)
    if not found["CacheEngineVersions"]:
        yield Finding(
            f"ElastiCache has no Valkey {VALKEY}", "set the version in cdk/stacks/cache.py to one that it has"
        )
    else:
        yield _told(look, f"Valkey {VALKEY}", "a new version in cdk/stacks/cache.py; the cache can be rebuilt")


def runtime(look: Look) -> Iterator[Finding]:
    """Lambda supports the functions' Python."""
    if look.on_lambda:
        yield _told(
            look, f"Lambda {RUNTIME.name}", "RUNTIME in cdk/stacks/functions.py, LAMBDA_PYTHON in cdk/bundle.py"
        )


def _told(look: Look, name: str, fix: str) -> Finding:
    told = _TABLE[name]
    return _ending(look, name, told.ends, fix, note=f" (read on {told.read}: {told.source})")


def _ending(look: Look, name: str, ends: date, fix: str, note: str = "") -> Finding:
    day = ends.date() if isinstance(ends, datetime) else ends
    text = f"{name} is supported until {day}{note}"
    return Finding(text, f"upgrade now: {fix}" if day - look.today < _NOTICE else None)
