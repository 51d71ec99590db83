"""Builds the charts of a stage, and writes them."""

import shutil
from pathlib import Path
from typing import Any

from cdk8s import App, Yaml

from cdk.stage import Stage
from manifests import (
    gateway,
    ingress,
    migration,
    monitoring,
    namespaces,
    payments,
    policies,
    secrets,
    worker,
)
from manifests.images import Images

# Numbered, because kubectl applies files in the order of their names: what others need comes first.
_CHARTS = {
    "00-namespaces": namespaces.Namespaces,
    "10-policies": policies.Policies,
    "20-secrets": secrets.Secrets,
    "30-migration": migration.Migration,
    "40-payments": payments.Payments,
    "41-worker": worker.Worker,
    "42-gateway": gateway.Gateway,
    "50-ingress": ingress.Ingress,
    "60-monitoring": monitoring.Monitoring,
}


def build(stage: Stage, images: Images | None = None) -> App:
    """Return the app with every chart of a stage, as it runs on EKS."""
    stage = stage.on("eks")
    images = images or Images.of(stage.name)
    app = App()
    for name, chart in _CHARTS.items():
        chart(app, name, stage, images)
    return app


def objects(stage: Stage, images: Images | None = None) -> dict[str, list[dict[str, Any]]]:
    """Return the objects of each chart: the same as in the files."""
    charts = sorted(build(stage, images).charts, key=lambda chart: chart.node.id)
    found = {chart.node.id: chart.to_json() for chart in charts}
    return {name: chart for name, chart in found.items() if chart}


def write(stage: Stage, folder: Path) -> None:
    """Write one file per chart into a folder, which holds nothing else afterwards."""
    found = objects(stage)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for name, chart in found.items():
        (folder / f"{name}.k8s.yaml").write_text(Yaml.stringify(*chart), encoding="utf-8")
