"""Secrets, kept in Secrets Manager and mounted as files: nothing secret is ever in a manifest.

The database's users alternate: a rotation gives the next user a new password and leaves the one in use alone, so a pod
that has not read the file again goes on working until the rotation after.
"""

from collections.abc import Mapping

from cdk8s import ApiObject, ApiObjectMetadata, Chart, JsonPatch
from constructs import Construct

from cdk.stage import Stage
from manifests.images import Images

STORE = "secrets-manager"
DATABASE = "database"
OWNER = "database-owner"
CACHE = "cache"
GATEWAY_CACHE = "gateway-cache"
SIGNING = "identity-signing"
VERIFYING = "identity-verifying"
KEYRING = "keyring"

# Well below the days between two rotations, and cheap: Secrets Manager charges for each look.
_REFRESH = "5m"
_API = "external-secrets.io/v1"
_CREDENTIALS = '{"username": {{ .username | toJson }}, "password": {{ .password | toJson }}}'
_TLS = "sslmode=verify-full"


class Secrets(Chart):
    """The secrets of a stage."""

    def __init__(self, scope: Construct, name: str, stage: Stage, images: Images) -> None:
        """Add the store and what is read from it."""
        del images
        super().__init__(scope, name, namespace=stage.namespace, disable_resource_name_hashes=True)
        self._stage = stage
        self._store()
        port = stage.ports
        database = f"{{{{ .host }}}}:{port['database']}/{stage.database_name}?{_TLS}"
        owner = f"postgresql://{{{{ .username | urlquery }}}}:{{{{ .password | urlquery }}}}@{database}"
        cache = f"rediss://:{{{{ .token | urlquery }}}}@{{{{ .host }}}}:{port['cache']}/0"
        host = {"host": ("endpoints", "database")}
        cache_parts = {"host": ("endpoints", "cache"), "token": ("cache", "token")}
        self._secret(
            DATABASE,
            {**host, **_user("database/app")},
            {
                "payments_database_url": f"postgresql://{database}",
                "database-credentials.json": _CREDENTIALS,
            },
        )
        self._secret(OWNER, {**host, **_user("database/owner")}, {"payments_owner_database_url": owner})
        self._secret(CACHE, cache_parts, {"payments_redis_url": cache})
        self._secret(GATEWAY_CACHE, cache_parts, {"gateway_redis_url": cache})
        for target, secret in (
            (SIGNING, "gateway/identity"),
            (VERIFYING, "payments/identity"),
            (KEYRING, "payments/keyring"),
        ):
            self._key_files(target, secret)

    def _key_files(self, name: str, secret: str) -> None:
        """Add the files whose contents are properties of one secret."""
        files = {file: key for file, (source, key) in self._stage.secret_files.items() if source == secret}
        parts = {key: (secret, key) for key in files.values()}
        self._secret(name, parts, {file: f"{{{{ .{key} }}}}" for file, key in files.items()})

    def _store(self) -> None:
        """Read as the role of the operator's own service account, which may read this stage's secrets only."""
        store = self._object("SecretStore", STORE)
        aws = {"service": "SecretsManager", "region": self._stage.region}
        store.add_json_patch(JsonPatch.add("/spec", {"provider": {"aws": aws}}))

    def _secret(self, name: str, parts: Mapping[str, tuple[str, str]], files: Mapping[str, str]) -> None:
        """Add a secret: `parts` are read (from which secret, which property), `files` are written with them."""
        data = [
            {"secretKey": part, "remoteRef": {"key": self._stage.secret(secret), "property": key}}
            for part, (secret, key) in sorted(parts.items())
        ]
        spec = {
            "refreshInterval": _REFRESH,
            "secretStoreRef": {"kind": "SecretStore", "name": STORE},
            "target": {
                "name": name,
                "creationPolicy": "Owner",
                "template": {"engineVersion": "v2", "mergePolicy": "Replace", "data": dict(files)},
            },
            "data": data,
        }
        self._object("ExternalSecret", name).add_json_patch(JsonPatch.add("/spec", spec))

    def _object(self, kind: str, name: str) -> ApiObject:
        return ApiObject(
            self, f"{kind}-{name}".lower(), api_version=_API, kind=kind, metadata=ApiObjectMetadata(name=name)
        )


def _user(secret: str) -> dict[str, tuple[str, str]]:
    return {"username": (secret, "username"), "password": (secret, "password")}
