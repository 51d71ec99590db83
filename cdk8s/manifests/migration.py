"""Brings the schema up to date, once per image, as the only role that may.

Migrations only expand, so pods of the release before go on working meanwhile; new pods wait for the schema they need.
A Job cannot be changed, so its name changes with the image, and with anything else that is said about it.
"""

import json

from cdk8s import Chart, JsonPatch
from cdk8s_plus_34 import k8s
from constructs import Construct

from cdk.stage import Stage
from manifests import secrets
from manifests.images import Images
from manifests.workload import (
    BACKGROUND_PRIORITY,
    SECRETS_FOLDER,
    checksum,
    container_security,
    labels,
    mounts,
    pod_security,
    resources,
    tolerations,
    volumes,
)

NAME = "migrate"
_DEADLINE_SECONDS = 1_800
_KEPT_SECONDS = 7 * 86_400


class Migration(Chart):
    """The migration Job of a stage's image."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add it."""
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        k8s.KubeServiceAccount(
            self,
            "account",
            metadata=k8s.ObjectMeta(name=NAME, labels=labels(NAME)),
            automount_service_account_token=False,
        )
        job = k8s.KubeJob(
            self,
            "job",
            metadata=k8s.ObjectMeta(name=NAME, labels=labels(NAME)),
            spec=k8s.JobSpec(
                backoff_limit=3,
                active_deadline_seconds=_DEADLINE_SECONDS,
                ttl_seconds_after_finished=_KEPT_SECONDS,
                template=k8s.PodTemplateSpec(
                    metadata=k8s.ObjectMeta(labels=labels(NAME)), spec=_pod(stage, images.reference("payments"))
                ),
            ),
        )
        fingerprint = checksum({"spec": json.dumps(job.to_json()["spec"], sort_keys=True)})[:6]
        name = f"{NAME}-{fingerprint}-{images.short('payments')}"
        job.add_json_patch(JsonPatch.replace("/metadata/name", name))


def _pod(stage: Stage, image: str) -> k8s.PodSpec:
    files = [secrets.OWNER]
    return k8s.PodSpec(
        restart_policy="Never",
        service_account_name=NAME,
        automount_service_account_token=False,
        enable_service_links=False,
        priority_class_name=BACKGROUND_PRIORITY,
        security_context=pod_security(),
        node_selector={"kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux"},
        tolerations=tolerations(stage),
        containers=[
            k8s.Container(
                name=NAME,
                image=image,
                image_pull_policy="IfNotPresent",
                args=["payments", "migrate"],
                env=[k8s.EnvVar(name="PAYMENTS_SECRETS_DIR", value=SECRETS_FOLDER)],
                resources=resources(100, 256),
                security_context=container_security(),
                volume_mounts=mounts(files),
            )
        ],
        volumes=volumes(files),
    )
