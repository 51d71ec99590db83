"""Which traffic the network policies allow, as Kubernetes reads them.

A pod that no policy chooses is open. One that some policies choose for a direction may do what at least one of them
allows. A connection between two pods needs both: the one's egress and the other's ingress.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from payments.devtools.manifests.defaults import completed, pod_specs
from payments.devtools.manifests.objects import Body, Manifest, Value

ANYWHERE = "anywhere"


@dataclass(frozen=True, slots=True)
class Pod:
    """One kind of pod: the namespace, its labels, and the labels of the namespace."""

    name: str
    namespace: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Traffic that is allowed: from whom to whom, on which ports."""

    source: str
    target: str
    ports: tuple[str, ...]


class Policies:
    """The network policies of a set of manifests."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        found = [completed(one.body) for one in manifests]
        self._policies = [body for body in found if body["kind"] == "NetworkPolicy"]
        self.pods = [pod for body in found for pod in _pods(body)]
        self._namespaces = {
            body["metadata"]["name"]: body["metadata"]["labels"] for body in found if body["kind"] == "Namespace"
        }

    def may_connect(self, source: Pod, target: Pod, port: int, protocol: str = "TCP") -> bool:
        """Whether one pod reaches a port of another."""
        out, into = self.rules(source, "egress"), self.rules(target, "ingress")
        return (out is None or any(self._fits(rule, "to", target, port, protocol, source) for rule in out)) and (
            into is None or any(self._fits(rule, "from", source, port, protocol, target) for rule in into)
        )

    def may_leave(self, source: Pod, address: str, port: int, protocol: str = "TCP") -> bool:
        """Whether a pod reaches an address outside of the cluster."""
        rules = self.rules(source, "egress")
        return rules is None or any(_address_fits(rule, "to", address, port, protocol) for rule in rules)

    def may_enter(self, target: Pod, address: str, port: int, protocol: str = "TCP") -> bool:
        """Whether an address outside of the cluster reaches a pod."""
        rules = self.rules(target, "ingress")
        return rules is None or any(_address_fits(rule, "from", address, port, protocol) for rule in rules)

    def rules(self, pod: Pod, direction: str) -> list[Body] | None:
        """Return what is allowed in one direction; None where nothing restricts it."""
        chosen = [
            policy["spec"]
            for policy in self._policies
            if policy["metadata"].get("namespace") == pod.namespace
            and direction.capitalize() in policy["spec"]["policyTypes"]
            and _chooses(policy["spec"].get("podSelector"), dict(pod.labels))
        ]
        return [rule for spec in chosen for rule in spec.get(direction) or []] if chosen else None

    def _fits(self, rule: Body, side: str, other: Pod, port: int, protocol: str, own: Pod) -> bool:
        peers = rule.get(side)
        return _port_fits(rule, port, protocol) and (
            not peers or any(self._is(peer, other, own.namespace) for peer in peers)
        )

    def _is(self, peer: Body, pod: Pod, namespace: str) -> bool:
        if "ipBlock" in peer:  # pods are chosen by labels; their addresses change
            return False
        if "namespaceSelector" in peer:
            labels = {"kubernetes.io/metadata.name": pod.namespace} | self._namespaces.get(pod.namespace, {})
            if not _chooses(peer["namespaceSelector"], labels):
                return False
        elif pod.namespace != namespace:
            return False
        return "podSelector" not in peer or _chooses(peer["podSelector"], dict(pod.labels))


def edges(manifests: Sequence[Manifest]) -> list[Edge]:
    """Return all traffic that is allowed between workloads, and between them and addresses."""
    policies = Policies(manifests)
    found = set(_between(policies))
    for pod in policies.pods:
        for direction, side in (("egress", "to"), ("ingress", "from")):
            rules = policies.rules(pod, direction)
            for other, ports in _outside(rules, side):
                pair = (pod.name, other) if direction == "egress" else (other, pod.name)
                found.add(Edge(*pair, ports))
    return sorted(found)


def _between(policies: Policies) -> Iterator[Edge]:
    for source in policies.pods:
        for target in policies.pods:
            ports = tuple(str(port) for port in target.ports if policies.may_connect(source, target, port))
            if source != target and ports:
                yield Edge(source.name, target.name, ports)


def _outside(rules: list[Body] | None, side: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield peers that are no workload of these manifests: addresses, and pods of other namespaces."""
    if rules is None:
        yield ANYWHERE, ("every port",)
        return
    for rule in rules:
        ports = tuple(_port_name(port) for port in rule.get("ports") or []) or ("every port",)
        if not rule.get(side):
            yield ANYWHERE, ports
        for peer in rule.get(side) or []:
            if "ipBlock" in peer:
                yield peer["ipBlock"]["cidr"], ports
            elif "namespaceSelector" in peer:
                labels = peer["namespaceSelector"].get("matchLabels") or {}
                yield f"namespace {labels.get('kubernetes.io/metadata.name', 'any')}", ports


def _port_name(port: Body) -> str:
    protocol = port.get("protocol", "TCP")
    return f"{port.get('port', 'every port')}{'' if protocol == 'TCP' else f'/{protocol}'}"


def _pods(body: Body) -> Iterator[Pod]:
    for spec in pod_specs(body):
        template = body if body["kind"] == "Pod" else body["spec"].get("template", {})
        metadata = template.get("metadata", {})
        ports = tuple(
            port["containerPort"] for container in spec["containers"] for port in container.get("ports") or []
        )
        labels = tuple(sorted((metadata.get("labels") or {}).items()))
        yield Pod(body["metadata"]["name"], body["metadata"].get("namespace", ""), labels, ports)


def _chooses(selector: Value, labels: dict[str, str]) -> bool:
    selector = selector or {}
    wanted = (selector.get("matchLabels") or {}).items()
    return wanted <= labels.items() and all(_matches(one, labels) for one in selector.get("matchExpressions") or [])


def _matches(expression: Body, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _port_fits(rule: Body, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(_port_is(one, port, protocol) for one in ports)


def _port_is(one: Body, port: int, protocol: str) -> bool:
    if one.get("protocol", "TCP") != protocol:
        return False
    first = one.get("port")
    return first is None or (isinstance(first, int) and first <= port <= one.get("endPort", first))


def _address_fits(rule: Body, side: str, address: str, port: int, protocol: str) -> bool:
    peers = rule.get(side)
    blocks = [peer["ipBlock"] for peer in peers or [] if "ipBlock" in peer]
    return _port_fits(rule, port, protocol) and (not peers or any(_holds(block, address) for block in blocks))


def _holds(block: Body, address: str) -> bool:
    found = ip_address(address)
    return found in ip_network(block["cidr"]) and not any(found in ip_network(no) for no in block.get("except") or [])
