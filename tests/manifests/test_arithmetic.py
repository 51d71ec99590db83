"""Numbers that have to fit together."""

import re
from fractions import Fraction

import pytest

from cdk.stages import STAGES
from payments.devtools.manifests import quantities
from shared.serving import GRACEFUL_SECONDS, KEEP_ALIVE_SECONDS


@pytest.fixture
def found(manifests):
    return {(one.key.kind, one.key.name): one.body for one in manifests}


def amount(text):
    found = quantities.parse(text)
    assert found is not None
    return found


def attributes(found, name):
    return dict(pair.split("=") for pair in annotation(found, name).split(","))


def annotation(found, name):
    return found["Ingress", "api"]["metadata"]["annotations"][f"alb.ingress.kubernetes.io/{name}"]


def pod(found, name):
    return found["Deployment", name]["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", ["gateway", "payments"])
def test_a_pod_that_goes_has_time_to_finish(found, name):
    drain = pod(found, name)["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain + GRACEFUL_SECONDS < pod(found, name)["terminationGracePeriodSeconds"]
    # The load balancer has let go of the pod before its server stops listening.
    assert int(attributes(found, "target-group-attributes")["deregistration_delay.timeout_seconds"]) <= drain
    # Other pods learn that it goes from the next failed probe, at the latest.
    probe = pod(found, name)["containers"][0]["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= drain


def test_the_side_that_sends_requests_closes_first(found):
    assert int(attributes(found, "load-balancer-attributes")["idle_timeout.timeout_seconds"]) < KEEP_ALIVE_SECONDS


def test_scaling_is_what_the_stage_says(found, stage):
    for name, workload in STAGES[stage].workloads:
        spec = found["HorizontalPodAutoscaler", name]["spec"]
        assert (spec["minReplicas"], spec["maxReplicas"]) == workload.replicas
    if stage == "production":
        assert STAGES[stage].workloads.payments.replicas == (3, 50)


def test_in_flight_requests_scale_where_prometheus_is(found, stage):
    for name in ("gateway", "payments"):
        metrics = [metric["type"] for metric in found["HorizontalPodAutoscaler", name]["spec"]["metrics"]]
        assert metrics == (["Resource", "Pods"] if STAGES[stage].cluster.monitoring else ["Resource"])


def test_a_drain_always_may_take_one_pod(found):
    for name in ("gateway", "payments", "worker"):
        assert found["PodDisruptionBudget", name]["spec"]["maxUnavailable"] == 1


def test_the_quota_holds_everything_at_full_scale_in_the_middle_of_a_rollout(found, stage):
    hard = found["ResourceQuota", "bounds"]["spec"]["hard"]
    needed: dict[str, Fraction] = {
        "requests.cpu": Fraction(0),
        "requests.memory": Fraction(0),
        "limits.cpu": Fraction(0),
        "limits.memory": Fraction(0),
        "pods": Fraction(0),
    }
    for name, workload in STAGES[stage].workloads:
        pods = workload.replicas.max + workload.surge
        needed["pods"] += pods
        for kind in ("requests", "limits"):
            for resource in ("cpu", "memory"):
                needed[f"{kind}.{resource}"] += pods * amount(
                    pod(found, name)["containers"][0]["resources"][kind][resource]
                )
    for name, total in needed.items():
        assert total < amount(hard[name]) < 3 * total + 20_000 * 2**20, name


def test_new_settings_restart_pods(found):
    for name in ("gateway", "payments", "worker"):
        annotations = found["Deployment", name]["spec"]["template"]["metadata"]["annotations"]
        assert re.fullmatch(r"[0-9a-f]{16}", annotations["checksum/config"])


def test_the_database_takes_all_pools(stage):
    chosen = STAGES[stage].on("eks")
    assert sum(chosen.connections.values()) < chosen.database.max_connections
