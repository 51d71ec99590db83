"""Who may be reached, and by whom."""

import json

from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Body
from payments.devtools.manifests.rules.rule import Found, Rule, Scope
from payments.devtools.manifests.words.network import is_open, rule_words

_ALB = "alb.ingress.kubernetes.io/"
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8")
_HTTPS = 443


def _default_deny(scope: Scope) -> Found:
    closed = {one.key.namespace for one in scope.of_kind("NetworkPolicy") if _closes(one.body["spec"])}
    for one, _ in scope.pods():
        if one.key.namespace not in closed:
            yield one, f"namespace {one.key.namespace} is open: no policy closes all of its pods in both directions"


def _closes(spec: Body) -> bool:
    everything = not spec.get("podSelector") and {"Ingress", "Egress"} <= set(spec["policyTypes"])
    return everything and not spec.get("ingress") and not spec.get("egress")


def _egress(scope: Scope) -> Found:
    for one in scope.of_kind("NetworkPolicy"):
        for rule in one.body["spec"].get("egress") or []:
            if is_open(rule, "egress") and not _is_web(rule):
                yield one, f"egress {rule_words(rule, 'egress')}"


def _is_web(rule: Body) -> bool:
    """Whether a rule is the one that webhooks and acquirers need: HTTPS, to public addresses."""
    ports = [(port.get("port"), port.get("protocol", "TCP"), port.get("endPort")) for port in rule.get("ports") or []]
    blocks = [peer.get("ipBlock") or {} for peer in rule.get("to") or []]
    public = all(set(_PRIVATE) <= set(block.get("except") or []) for block in blocks)
    return ports == [(_HTTPS, "TCP", None)] and bool(blocks) and public


def _ingress(scope: Scope) -> Found:
    for one in scope.of_kind("NetworkPolicy"):
        for rule in one.body["spec"].get("ingress") or []:
            if is_open(rule, "ingress"):
                yield one, f"ingress {rule_words(rule, 'ingress')}"


def _exposed(scope: Scope) -> Found:
    for one in scope.of_kind("Service"):
        if one.body["spec"]["type"] in {"LoadBalancer", "NodePort"} or one.body["spec"].get("externalIPs"):
            yield one, f"reachable from outside the cluster, past firewall and TLS: type {one.body['spec']['type']}"


def _tls(scope: Scope) -> Found:
    for one in scope.of_kind("Ingress"):
        found = one.body["metadata"]["annotations"]
        listeners = json.loads(found.get(f"{_ALB}listen-ports", '[{"HTTP": 80}]'))
        plain = any("HTTP" in listener for listener in listeners)
        if not any("HTTPS" in listener for listener in listeners) or (plain and f"{_ALB}ssl-redirect" not in found):
            yield one, "requests may travel in the clear"
        if "TLS13" not in found.get(f"{_ALB}ssl-policy", ""):
            yield one, f"TLS policy {found.get(f'{_ALB}ssl-policy', 'of the load balancer')} admits old clients"


def _firewall(scope: Scope) -> Found:
    for one in scope.of_kind("Ingress"):
        if scope.guarded and not any(
            name.startswith(f"{_ALB}wafv2-acl") for name in one.body["metadata"]["annotations"]
        ):
            yield one, "no web application firewall"


def _access_log(scope: Scope) -> Found:
    for one in scope.of_kind("Ingress"):
        attributes = one.body["metadata"]["annotations"].get(f"{_ALB}load-balancer-attributes", "")
        if "access_logs.s3.enabled=true" not in attributes:
            yield one, "nobody could tell afterwards who called"


RULES = (
    Rule("default-deny", Rank.CRITICAL, "What no policy opens is closed", _default_deny),
    Rule("egress", Rank.CRITICAL, "Nothing may go everywhere, but HTTPS to public addresses", _egress),
    Rule("ingress", Rank.CRITICAL, "Nothing lets in everybody", _ingress),
    Rule("exposed", Rank.CRITICAL, "The ingress is the only way in", _exposed),
    Rule("tls", Rank.CRITICAL, "Requests travel encrypted", _tls),
    Rule("firewall", Rank.HIGH, "A firewall looks at requests first", _firewall),
    Rule("access-log", Rank.MEDIUM, "Requests are logged", _access_log),
)
