"""Who may talk to whom, and who is let in from outside."""

from typing import Any

from payments.devtools.manifests.compare import MISSING, Change, Path
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.words.phrases import Phrase, Said, arrow, at_ranks, plain, saying, shown

_NAMESPACE = "kubernetes.io/metadata.name"
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def _rule(change: Change, found: Path) -> Said:
    """One rule of a policy came or went: rules have no names, so a changed one does both."""
    direction = change.path[1]
    opened = change.old is MISSING
    rule = change.new if opened else change.old
    if opened and is_open(rule, direction):
        return Rank.CRITICAL, f"new {direction} {rule_words(rule, direction)}"
    if opened:
        return Rank.HIGH, f"new {direction} {rule_words(rule, direction)}"
    return Rank.HIGH, f"{direction} {rule_words(rule, direction)} is no longer allowed"


def _rules(change: Change, found: Path) -> Said:
    del found
    direction = change.path[1]
    rules = change.new if change.old is MISSING else change.old
    words = "; ".join(rule_words(rule, direction) for rule in rules or []) or "nothing"
    if change.old is MISSING:
        rank = Rank.CRITICAL if any(is_open(rule, direction) for rule in rules or []) else Rank.HIGH
        return rank, f"new {direction} {words}"
    return Rank.HIGH, f"{direction} {words} is no longer allowed"


def is_open(rule: dict[str, Any], direction: str) -> bool:
    """Whether a rule lets in everybody, or lets traffic out to every address."""
    peers = rule.get("to" if direction == "egress" else "from")
    if not peers:
        return True
    return any(
        (peer.get("ipBlock") or {}).get("cidr") in _EVERYWHERE
        or (peer.get("namespaceSelector") == {} and not peer.get("podSelector"))
        for peer in peers
    )


def rule_words(rule: dict[str, Any], direction: str) -> str:
    """Return `to 10.0.0.0/16 on 5432`."""
    name = "to" if direction == "egress" else "from"
    peers = ", ".join(map(_peer, rule.get(name) or [])) or "anywhere"
    return f"{name} {peers} on {_ports(rule)}"


def _peer(peer: dict[str, Any]) -> str:
    if block := peer.get("ipBlock"):
        excepted = ", ".join(block.get("except") or [])
        return f"{block['cidr']} except {shown(excepted)}" if excepted else str(block["cidr"])
    pods, namespaces = peer.get("podSelector"), peer.get("namespaceSelector")
    words = [f"pods {_selector(pods)}" if pods else "all pods"]
    if namespaces is not None:
        words.append(f"of namespaces {_selector(namespaces)}" if namespaces else "of every namespace")
    return " ".join(words)


def _selector(selector: dict[str, Any]) -> str:
    labels = selector.get("matchLabels") or {}
    if selector == {"matchLabels": {_NAMESPACE: labels.get(_NAMESPACE)}}:
        return str(labels[_NAMESPACE])
    pairs = [f"{name.rpartition('/')[2]}={value}" for name, value in sorted(labels.items())]
    return ",".join([*pairs, *(shown(wanted) for wanted in selector.get("matchExpressions") or [])])


def _ports(rule: dict[str, Any]) -> str:
    return ", ".join(map(_port, rule.get("ports") or [])) or "every port"


def _port(port: dict[str, Any]) -> str:
    last = f"-{port['endPort']}" if "endPort" in port else ""
    protocol = port.get("protocol", "TCP")
    return f"{port.get('port', 'every port')}{last}{'' if protocol == 'TCP' else f'/{protocol}'}"


def _direction(change: Change, found: Path) -> Said:
    if change.new is MISSING:
        return Rank.CRITICAL, f"{shown(change.old).lower()} is no longer restricted: everything is allowed"
    return Rank.HIGH, f"{shown(change.new).lower()} is restricted: only what a rule names is allowed"


POLICY = (
    Phrase("spec egress *", _rule),
    Phrase("spec ingress *", _rule),
    Phrase("spec egress", _rules),
    Phrase("spec ingress", _rules),
    Phrase("spec policyTypes *", _direction),
    Phrase("spec podSelector **", saying(Rank.HIGH, "pods that the policy holds for")),
)


def _type(change: Change, found: Path) -> Said:
    if change.new in {"LoadBalancer", "NodePort"}:
        return Rank.CRITICAL, f"reachable from outside the cluster: type {arrow(change)}"
    return plain(change, "type", Rank.HIGH)


SERVICE = (
    Phrase("spec type", _type),
    Phrase("spec ports **", saying(Rank.HIGH, "ports")),
    Phrase("spec selector **", saying(Rank.HIGH, "pods that answer")),
    Phrase("spec externalIPs **", saying(Rank.CRITICAL, "addresses outside the cluster")),
)

_ALB = "metadata annotations alb.ingress.kubernetes.io/"


def _scheme(change: Change, found: Path) -> Said:
    if change.new == "internet-facing":
        return Rank.CRITICAL, f"the load balancer faces the internet: {arrow(change)}"
    return plain(change, "scheme of the load balancer", Rank.HIGH)


INGRESS = (
    Phrase(f"{_ALB}scheme", _scheme),
    Phrase(
        f"{_ALB}wafv2-acl-*",
        at_ranks("web application firewall", added=Rank.LOW, changed=Rank.HIGH, removed=Rank.CRITICAL),
    ),
    Phrase(
        f"{_ALB}listen-ports",
        at_ranks("ports of the load balancer", added=Rank.HIGH, changed=Rank.CRITICAL, removed=Rank.CRITICAL),
    ),
    Phrase(
        f"{_ALB}ssl-policy",
        at_ranks("TLS policy of the load balancer", added=Rank.LOW, changed=Rank.HIGH, removed=Rank.CRITICAL),
    ),
    Phrase(f"{_ALB}inbound-cidrs", saying(Rank.HIGH, "addresses that are let in")),
    Phrase(f"{_ALB}*", saying(Rank.MEDIUM, "load balancer's {0}")),
    Phrase("spec rules * **", saying(Rank.HIGH, "route of {0}")),
    Phrase("spec rules *", saying(Rank.HIGH, "route of {0}")),
    Phrase("spec tls **", saying(Rank.HIGH, "TLS")),
)
