"""What the functions are told: the settings that pods get from their manifests, and which secrets become files."""

import json

from cdk.stage import Stage

# As `shared.lambda_secrets` writes them.
_FOLDER = "/tmp/secrets"  # noqa: S108 - the only place on Lambda where files can be written


def function_environment(
    stage: Stage, service: str, secrets: list[str], *, database: str, cache: str, vault_key: str
) -> dict[str, str]:
    """Return the environment of a function that may read some secrets; `database` and `cache` are hosts."""
    url = f"postgresql://{database}:{stage.ports['database']}/{stage.database_name}?sslmode=verify-full"
    common = {
        "POWERTOOLS_SERVICE_NAME": service,
        "POWERTOOLS_METRICS_NAMESPACE": stage.prefix,
        "PAYMENTS_SECRETS_DIR": _FOLDER,
        "GATEWAY_SECRETS_DIR": _FOLDER,
        "SECRET_FILES": json.dumps(_files(stage, secrets, url, cache), sort_keys=True),
    }
    if "database/owner" in secrets:
        return common
    return common | {
        "PAYMENTS_ENVIRONMENT": stage.environment,
        "PAYMENTS_DATABASE_URL": url,
        "PAYMENTS_DATABASE_CREDENTIALS_SECRET": stage.secret("database/app"),
        "PAYMENTS_IDENTITY_JWKS_FILE": f"{_FOLDER}/identity.jwks.json",
        "PAYMENTS_KEYRING_FILE": f"{_FOLDER}/keyring.json",
        "PAYMENTS_VAULT_KMS_KEY_ID": vault_key,
        "GATEWAY_ENVIRONMENT": stage.environment,
        "GATEWAY_IDENTITY_KEY_FILE": f"{_FOLDER}/identity.pem",
        "GATEWAY_PEOPLE_JWKS_FILE": f"{_FOLDER}/people.jwks.json",
        **(stage.console.settings if stage.console is not None else {}),
    }


def _files(stage: Stage, secrets: list[str], url: str, cache: str) -> dict[str, str]:
    files = {
        file: f"{{{stage.secret(secret)}#{key}}}"
        for file, (secret, key) in stage.secret_files.items()
        if secret in secrets
    }
    if "cache" in secrets:
        redis = f"rediss://:{{{stage.secret('cache')}#token}}@{cache}:{stage.ports['cache']}/0"
        files |= {"payments_redis_url": redis, "gateway_redis_url": redis}
    if "database/owner" in secrets:
        owner = stage.secret("database/owner")
        user = f"{{{owner}#username}}:{{{owner}#password}}"
        files["payments_owner_database_url"] = url.replace("://", f"://{user}@", 1)
    return files
