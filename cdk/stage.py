"""One typed description of a stage, read by the CDK stacks, the Kubernetes manifests, the docs and the cost estimate.

Templates and manifests never exchange CloudFormation tokens: what both must agree on (names, hosts, ports, address
ranges) is computed here. Only the standard library is imported, so that every reader can afford it.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from cdk.stage_parts import (
    Budget,
    Cache,
    Cluster,
    Compute,
    Console,
    Database,
    Delivery,
    Domain,
    Edge,
    Network,
    Observability,
    Security,
    Serverless,
    StageError,
    Usage,
    Workloads,
)
from cdk.stage_rules import problems


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Everything that differs between stages."""

    name: str
    compute: Compute
    region: str
    account: str | None = None
    domain: Domain | None = None
    network: Network
    database: Database
    cache: Cache
    cluster: Cluster
    serverless: Serverless
    workloads: Workloads
    edge: Edge
    security: Security
    observability: Observability
    delivery: Delivery
    budget: Budget
    usage: Usage
    console: Console | None = None
    """Served by the gateway; without it there is none."""
    protected: bool = True
    """Data outlives `cdk destroy`, and deletion protection is on."""
    tags: tuple[tuple[str, str], ...] = ()

    namespace: ClassVar = "payments"
    migration_connections: ClassVar = 5
    ports: ClassVar[dict[str, int]] = {
        "gateway": 8080,
        "payments": 8080,
        "metrics": 9090,
        "database": 5432,
        "cache": 6379,
    }
    database_name: ClassVar = "payments"
    key_secrets: ClassVar[dict[str, str]] = {
        "gateway/identity": "Private key that signs the identity of each caller, and the issuer of people's tokens",
        "payments/identity": "Public keys that the gateway's signature is checked with",
        "payments/keyring": "Keys of fingerprints, callbacks and cursors",
    }
    """Secrets that operations fill once, and what is in them."""
    secret_files: ClassVar[dict[str, tuple[str, str]]] = {
        "identity.pem": ("gateway/identity", "private_key"),
        "people.jwks.json": ("gateway/identity", "people_jwks"),
        "gateway_people_issuer": ("gateway/identity", "people_issuer"),
        "identity.jwks.json": ("payments/identity", "jwks"),
        "keyring.json": ("payments/keyring", "keyring"),
    }
    """Files that services read, in pods as on Lambda: which property of which secret is in them."""
    secrets: ClassVar[dict[str, tuple[str, ...]]] = {
        "gateway": ("gateway/identity", "cache"),
        "payments": ("database/app", "cache", "payments/identity", "payments/keyring"),
        "worker": ("database/app", "cache", "payments/identity", "payments/keyring"),
        "migrate": ("database/app", "database/owner"),
    }
    """What each service reads, by the name of its service account."""
    spot_taint: ClassVar = ("payments/capacity", "spot")
    """On spot nodes where there are others too: only pods that tolerate it may be taken away at any moment."""

    def __post_init__(self) -> None:
        """Refuse what could not be deployed, naming the field.

        Raises:
            StageError: with one line per problem.
        """
        found = [f"{field}: {problem}" for field, problem in problems(self)]
        if found:
            raise StageError("\n".join(found))

    def on(self, compute: Compute) -> "Stage":
        """Return the same stage on the other kind of compute."""
        return replace(self, compute=compute)

    @property
    def prefix(self) -> str:
        """Begins the name of everything in AWS; the EKS cluster and the load balancer are called just this."""
        return f"payments-{self.name}"

    @property
    def environment(self) -> str:
        """What the services are told they are; a stage of your own is a staging of some kind."""
        return self.name if self.name in ("development", "staging", "production") else "staging"

    @property
    def vault_key(self) -> str:
        """Alias of the KMS key that encrypts card numbers."""
        return f"alias/{self.prefix}-vault"

    @property
    def zones(self) -> tuple[str, ...]:
        """Full names, because CDK would settle for two zones where it may choose."""
        return tuple(f"{self.region}{letter}" for letter in self.network.zones)

    @property
    def host(self) -> str:
        """Where clients send payments.

        Raises:
            StageError: the stage has no domain.
        """
        if self.domain is None:
            raise StageError("domain: this stage has none, so it has no host name")
        return f"api.{self.domain.name}"

    @property
    def origin_host(self) -> str:
        """Where CloudFront finds the HTTP API."""
        return f"origin.{self.host}"

    @property
    def origin_secret(self) -> str:
        """Secret that CloudFront proves itself with to the HTTP API; in us-east-1, replicated to the stage's region."""
        return self.secret("edge/origin")

    @property
    def web_acl(self) -> str:
        """Name of the web application firewall."""
        return f"{self.prefix}-edge"

    @property
    def alarm_topic(self) -> str:
        """Name of the topic that CloudWatch's alarms and the cluster's alerts go to."""
        return f"{self.prefix}-alarms"

    @property
    def heartbeat_topic(self) -> str:
        """Name of the topic that the cluster's Alertmanager writes to as long as it and Prometheus live."""
        return f"{self.prefix}-heartbeat"

    @property
    def access_log_bucket(self) -> str:
        """Bucket of the load balancer's logs: unique in the world, like the host it is named after."""
        return f"{self.host.replace('.', '-')}-access-logs"

    def role(self, service: str) -> str:
        """Name of the IAM role of a service (or an add-on), on either compute."""
        return f"{self.prefix}-{service}"

    def secret(self, name: str) -> str:
        """Name of a secret in Secrets Manager: `database/owner`, `database/app`, `cache`, `endpoints` and so on."""
        return f"payments/{self.name}/{name}"

    def repository(self, image: str) -> str:
        """Name of an ECR repository; promotion copies an image from stage to stage under the same digest."""
        return f"{self.prefix}/{image}"

    @property
    def connections(self) -> dict[str, int]:
        """The most database connections that anybody can hold at one moment."""
        if self.compute == "serverless":
            runtime = {"lambda": self.serverless.concurrency, "worker": self.serverless.worker_concurrency}
        else:
            runtime = {name: workload.max_connections for name, workload in self.workloads}
        return {**runtime, "migrations": self.migration_connections, "reserve": self.database.reserved_connections}

    @property
    def reservations(self) -> dict[str, int]:
        """How many functions may run at once on Lambda, by name: kept free for each, and no more of each."""
        found = {
            "platform": self.serverless.concurrency,
            "worker": self.serverless.worker_concurrency,
            "migrate": 1,
        }
        return found | ({"check-origin": 10} if self.edge.enabled else {})
