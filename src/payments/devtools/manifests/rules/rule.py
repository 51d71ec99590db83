"""What rules are made of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from payments.devtools.manifests.defaults import containers, pod_specs
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Body, Key, Manifest


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything that is checked together; `written` is as it was found, `objects` with defaults filled in."""

    stage: str
    written: tuple[Manifest, ...]
    objects: tuple[Manifest, ...]

    @property
    def guarded(self) -> bool:
        """Whether this stage is one that operations approve."""
        return self.stage in {"staging", "production"}

    def of_kind(self, *kinds: str) -> Iterator[Manifest]:
        """Yield the objects of some kinds."""
        return (one for one in self.objects if one.body["kind"] in kinds)

    def pods(self) -> Iterator[tuple[Manifest, Body]]:
        """Yield every workload with the specification of its pods."""
        return ((one, pod) for one in self.objects for pod in pod_specs(one.body))

    def containers(self) -> Iterator[tuple[Manifest, Body, Body]]:
        """Yield every container, with its workload and pod."""
        return ((one, pod, container) for one, pod in self.pods() for container in containers(pod))


Found: TypeAlias = Iterator[tuple[Manifest, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that manifests are held to."""

    id: str
    rank: Rank
    title: str
    find: Callable[[Scope], Found]


@dataclass(frozen=True, slots=True)
class Problem:
    """One object that breaks a rule."""

    rule: Rule
    key: Key
    file: str
    text: str
