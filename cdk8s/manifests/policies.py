"""Who may talk to whom. Everything is closed; what is opened here is the design's picture, edge by edge.

They only mean something where the cluster enforces them: the vpc-cni add-on with enableNetworkPolicy does.
"""

from collections.abc import Iterable, Sequence

from cdk8s import Chart
from cdk8s_plus_34 import k8s
from constructs import Construct

from cdk.stage import Stage
from cdk.stage_parts import SubnetKind
from manifests.images import Images
from manifests.migration import NAME as MIGRATION
from manifests.namespaces import LOGGING, MONITORING
from manifests.observability.pipelines import LOKI_PORT
from manifests.workload import PART_OF, selector

# Every range that is not the public internet: private, shared, loopback, link-local (with the metadata address),
# documentation, benchmarks, multicast, reserved. Webhooks and acquirers are nowhere in them.
NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
# Where the EKS Pod Identity agent of each node answers.
POD_IDENTITY = "169.254.170.23/32"
OTLP_PORT = 4318


class Policies(Chart):
    """The network policies of a stage."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add them."""
        del images
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        self._stage = stage
        ports = stage.ports
        database = self._out_to_subnets("isolated", ports["database"])
        cache = self._out_to_subnets("isolated", ports["cache"])
        metrics = _into(ports["metrics"], _namespace(MONITORING))
        traces = _out(OTLP_PORT, _namespace(MONITORING))
        common = [*self._name_look_ups(), _out_to([POD_IDENTITY], 80), *self._aws(), traces]

        self._policy("default-deny", k8s.LabelSelector(), ingress=[], egress=[])
        self._policy(
            "gateway",
            selector("gateway"),
            ingress=[self._in_from_subnets("public", ports["gateway"]), metrics],
            egress=[*common, _out(ports["payments"], _pods("payments")), cache],
        )
        self._policy(
            "payments",
            selector("payments"),
            ingress=[_into(ports["payments"], _pods("gateway")), metrics],
            egress=[*common, database, cache, _out_to_internet()],
        )
        self._policy(
            "worker", selector("worker"), ingress=[metrics], egress=[*common, database, cache, _out_to_internet()]
        )
        self._policy("migrate", selector(MIGRATION), ingress=[], egress=[*self._name_look_ups(), database])
        for namespace in (MONITORING, LOGGING):
            self._add_on_namespace(namespace)

    def _policy(
        self,
        name: str,
        pods: k8s.LabelSelector,
        *,
        ingress: Sequence[k8s.NetworkPolicyIngressRule],
        egress: Sequence[k8s.NetworkPolicyEgressRule],
    ) -> None:
        k8s.KubeNetworkPolicy(
            self,
            name,
            metadata=k8s.ObjectMeta(name=name),
            spec=k8s.NetworkPolicySpec(
                pod_selector=pods, policy_types=["Ingress", "Egress"], ingress=list(ingress), egress=list(egress)
            ),
        )

    def _add_on_namespace(self, namespace: str) -> None:
        """Let the add-ons talk among themselves, and let in traces and the API server's calls; they may go anywhere.

        Prometheus scrapes every node and pod, Fluent Bit and the collector deliver to AWS: what they need outwards is
        everything that a policy could say.
        """
        vpc = [k8s.NetworkPolicyPeer(ip_block=k8s.IpBlock(cidr=str(cidr))) for cidr in self._subnets("private")]
        ingress = [
            k8s.NetworkPolicyIngressRule(from_=[k8s.NetworkPolicyPeer(pod_selector=k8s.LabelSelector())]),
            # The API server asks the operator's webhooks, from the cluster's own interfaces in the private subnets.
            k8s.NetworkPolicyIngressRule(from_=vpc, ports=[_port(10250), _port(9443)]),
        ]
        if namespace == MONITORING:
            ours = k8s.LabelSelector(match_labels={"app.kubernetes.io/part-of": PART_OF})
            peer = k8s.NetworkPolicyPeer(namespace_selector=_named(self._stage.namespace), pod_selector=ours)
            ingress.append(k8s.NetworkPolicyIngressRule(from_=[peer], ports=[_port(OTLP_PORT)]))
        else:
            # Grafana shows the logs.
            ingress.append(_into(LOKI_PORT, _namespace(MONITORING)))
        k8s.KubeNetworkPolicy(
            self,
            f"{namespace}-inwards",
            metadata=k8s.ObjectMeta(name="inwards", namespace=namespace),
            spec=k8s.NetworkPolicySpec(pod_selector=k8s.LabelSelector(), policy_types=["Ingress"], ingress=ingress),
        )

    def _subnets(self, kind: SubnetKind) -> list[str]:
        return [str(network) for network in self._stage.network.subnets(kind)]

    def _out_to_subnets(self, kind: SubnetKind, port: int) -> k8s.NetworkPolicyEgressRule:
        return _out_to(self._subnets(kind), port)

    def _in_from_subnets(self, kind: SubnetKind, port: int) -> k8s.NetworkPolicyIngressRule:
        peers = [k8s.NetworkPolicyPeer(ip_block=k8s.IpBlock(cidr=cidr)) for cidr in self._subnets(kind)]
        return _into(port, *peers)

    def _name_look_ups(self) -> list[k8s.NetworkPolicyEgressRule]:
        dns = k8s.NetworkPolicyPeer(
            namespace_selector=_named("kube-system"),
            pod_selector=k8s.LabelSelector(match_labels={"k8s-app": "kube-dns"}),
        )
        return [k8s.NetworkPolicyEgressRule(to=[dns], ports=[_port(53, "UDP"), _port(53)])]

    def _aws(self) -> Iterable[k8s.NetworkPolicyEgressRule]:
        """AWS' own interfaces in the private subnets, where the stage has them; the others are on the internet."""
        if self._stage.network.interface_endpoints:
            yield self._out_to_subnets("private", 443)


def _port(number: int, protocol: str = "TCP") -> k8s.NetworkPolicyPort:
    return k8s.NetworkPolicyPort(port=k8s.IntOrString.from_number(number), protocol=protocol)


def _named(namespace: str) -> k8s.LabelSelector:
    return k8s.LabelSelector(match_labels={"kubernetes.io/metadata.name": namespace})


def _namespace(name: str) -> k8s.NetworkPolicyPeer:
    return k8s.NetworkPolicyPeer(namespace_selector=_named(name))


def _pods(name: str) -> k8s.NetworkPolicyPeer:
    return k8s.NetworkPolicyPeer(pod_selector=selector(name))


def _into(port: int, *peers: k8s.NetworkPolicyPeer) -> k8s.NetworkPolicyIngressRule:
    return k8s.NetworkPolicyIngressRule(from_=list(peers), ports=[_port(port)])


def _out(port: int, *peers: k8s.NetworkPolicyPeer) -> k8s.NetworkPolicyEgressRule:
    return k8s.NetworkPolicyEgressRule(to=list(peers), ports=[_port(port)])


def _out_to(ranges: Sequence[str], port: int) -> k8s.NetworkPolicyEgressRule:
    return _out(port, *(k8s.NetworkPolicyPeer(ip_block=k8s.IpBlock(cidr=cidr)) for cidr in ranges))


def _out_to_internet() -> k8s.NetworkPolicyEgressRule:
    """Webhook endpoints and acquirers, wherever they are in public."""
    block = k8s.IpBlock(cidr="0.0.0.0/0", except_=list(NOT_PUBLIC))
    return _out(443, k8s.NetworkPolicyPeer(ip_block=block))
