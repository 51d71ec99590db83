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
    charts = build(stage, images).charts
    return {chart.node.id: chart.to_json() for chart in sorted(charts, key=lambda chart: chart.node.id)}


def write(stage: Stage, folder: Path) -> None:
    """Write one file per chart into a folder, which holds nothing else afterwards."""
    app = build(stage)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for chart in app.charts:
        (folder / f"{chart.node.id}.k8s.yaml").write_text(Yaml.stringify(*chart.to_json()), encoding="utf-8")
