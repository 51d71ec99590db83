"""Versions that AWS offers, and until when."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from cdk.doctor import versions
from cdk.stacks.cluster import ADDONS
from cdk.stages import STAGING
from tests.cdk.doctor.support import told, well


def kubernetes(status: str, ends: datetime) -> tuple[str, dict[str, Any]]:
    found = {"clusterVersion": "1.35", "versionStatus": status, "endOfStandardSupportDate": ends}
    return "describe_cluster_versions", {"clusterVersions": [found]}


def addons(**instead: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        (
            "describe_addon_versions",
            {
                "addons": [
                    {
                        "addonVersions": [
                            {
                                "addonVersion": instead.get(name.replace("-", "_"), version),
                                "compatibilities": [{"defaultVersion": True}],
                            }
                        ]
                    }
                ]
            },
        )
        for name, (version, _) in ADDONS.items()
    ]


def test_kubernetes_and_its_add_ons_are_asked_for(look, stub):
    stub("eks", kubernetes("STANDARD_SUPPORT", datetime(2027, 3, 27, tzinfo=UTC)), *addons())
    found = list(versions.eks(look(STAGING)))
    assert found[0].text == "Kubernetes 1.35 is supported until 2027-03-27"
    assert len(found) == 1 + len(ADDONS)
    assert well(found)


def test_versions_that_end_or_do_not_exist_are_problems(look, stub):
    stub("eks", kubernetes("STANDARD_SUPPORT", datetime(2027, 2, 1, tzinfo=UTC)), *addons(coredns="v1.14.0"))
    found = told(versions.eks(look(STAGING)))
    assert "upgrade now: one minor version at a time" in found
    assert "no add-on coredns v1.13.2-eksbuild.1 for 1.35 → take v1.14.0" in found
    stub("eks", kubernetes("EXTENDED_SUPPORT", datetime(2026, 1, 1, tzinfo=UTC)), *addons())
    assert "in extended support" in told(versions.eks(look(STAGING)))
    stub("eks", ("describe_cluster_versions", {"clusterVersions": []}))
    assert "EKS has no Kubernetes 1.35" in told(versions.eks(look(STAGING)))


def lifecycle(*ends: datetime) -> tuple[str, dict[str, Any]]:
    cycles = [
        {
            "LifecycleSupportName": "open-source-rds-standard-support",
            "LifecycleSupportStartDate": datetime(2025, 11, 14, tzinfo=UTC),
            "LifecycleSupportEndDate": end,
        }
        for end in ends
    ]
    major = {"Engine": "postgres", "MajorEngineVersion": "18", "SupportedEngineLifecycles": cycles}
    return "describe_db_major_engine_versions", {"DBMajorEngineVersions": [major]}


def test_postgresql(look, stub):
    offered = ("describe_db_engine_versions", {"DBEngineVersions": [{"EngineVersion": "18.3"}]})
    stub("rds", offered, lifecycle(datetime(2031, 2, 28, tzinfo=UTC)))
    assert told(versions.postgres(look())) == "PostgreSQL 18.3 is supported until 2031-02-28 → None"
    stub("rds", offered, lifecycle())
    (found,) = versions.postgres(look())
    assert not found.known
    stub("rds", ("describe_db_engine_versions", {"DBEngineVersions": []}))
    assert "RDS has no PostgreSQL 18.3" in told(versions.postgres(look()))


def test_valkey_and_python(look, stub):
    offered = ("describe_cache_engine_versions", {"CacheEngineVersions": [{"EngineVersion": "8.1"}]})
    stub("elasticache", offered)
    assert "valkey.io/topics/releases" in told(versions.valkey(look()))
    assert well(versions.runtime(look()))
    stub("elasticache", offered)
    late = replace(look(), today=date(2029, 6, 1))
    assert "upgrade now" in told(versions.valkey(late))
    assert "upgrade now" in told(versions.runtime(late))
    stub("elasticache", ("describe_cache_engine_versions", {"CacheEngineVersions": []}))
    assert "ElastiCache has no Valkey 8.1" in told(versions.valkey(look()))
