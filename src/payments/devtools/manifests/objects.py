"""Kubernetes objects as the YAML has them, and what makes two of them the same object."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from payments.devtools.errors import ManifestError

Body: TypeAlias = dict[str, Any]
# Whatever YAML can hold.
Value: TypeAlias = Any

# An object outside of a namespace has none; one without a name cannot be applied.
_CLUSTER_SCOPE = ""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """An object's identity: the version of its API is not part of it."""

    kind: str
    namespace: str
    name: str
    group: str

    @classmethod
    def of(cls, body: Body) -> "Key":
        """The identity of an object."""
        metadata = body["metadata"]
        group = str(body["apiVersion"]).rpartition("/")[0]
        return cls(str(body["kind"]), str(metadata.get("namespace", _CLUSTER_SCOPE)), str(metadata["name"]), group)

    def __str__(self) -> str:
        """`Deployment payments/gateway`, as people say it."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object and the file it came from."""

    body: Body
    file: str

    @property
    def key(self) -> Key:
        """Its identity."""
        return Key.of(self.body)


def load(folder: Path) -> list[Manifest]:
    """Return the objects of every YAML file of a folder, in the order of their names.

    Raises:
        ManifestError: there is none, or one cannot be read as Kubernetes objects.
    """
    files = sorted(path for pattern in ("*.yaml", "*.yml") for path in folder.glob(pattern))
    if not files:
        raise ManifestError(f"there are no manifests in {folder}; `make manifests` writes dist/<stage>")
    return [manifest for path in files for manifest in read(path)]


def read(path: Path) -> list[Manifest]:
    """Return the objects of one file.

    Raises:
        ManifestError: it cannot be read as Kubernetes objects.
    """
    try:
        documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ManifestError(f"{path} is not YAML: {error}") from error
    return [Manifest(body, path.name) for body in _flattened(documents, path)]


def index(manifests: Iterable[Manifest]) -> dict[Key, Manifest]:
    """Return the objects by identity.

    Raises:
        ManifestError: two have the same.
    """
    found: dict[Key, Manifest] = {}
    for manifest in manifests:
        if (earlier := found.setdefault(manifest.key, manifest)) is not manifest:
            raise ManifestError(f"{manifest.key} is there twice: in {earlier.file} and in {manifest.file}")
    return found


def _flattened(documents: Iterable[object], path: Path) -> Iterator[Body]:
    for document in documents:
        if document is None:  # an empty document between two separators
            continue
        if not isinstance(document, dict) or "kind" not in document or "apiVersion" not in document:
            raise ManifestError(f"{path} holds something without kind and apiVersion")
        if isinstance(document.get("items"), list) and str(document["kind"]).endswith("List"):
            yield from _flattened(document["items"], path)
        elif not (document.get("metadata") or {}).get("name"):
            raise ManifestError(f"{path} holds a {document['kind']} without a name")
        else:
            yield document
