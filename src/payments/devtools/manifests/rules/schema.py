"""Whether a cluster would accept the objects at all: Kubernetes' own schemas, and those of custom resources."""

import json
from functools import cache
from importlib import resources

from payments.devtools.errors import ManifestError
from payments.devtools.manifests.findings import Rank
from payments.devtools.manifests.objects import Body, Key, Value
from payments.devtools.manifests.rules.rule import Found, Rule, Scope

# The versions of EKS that stages may be on: the oldest in standard support, and the one that we run.
VERSIONS = ("1.34", "1.35")
LARGEST = 200_000


def _schema(scope: Scope) -> Found:
    for one in scope.written:
        yield from ((one, text) for text in _refusals(json.dumps(one.body, sort_keys=True)))


@cache  # each look at a schema reads megabytes
def _refusals(text: str) -> tuple[str, ...]:
    """Return what a cluster would say against an object."""
    body = json.loads(text)
    if (custom := _custom(body)) is not None:
        return tuple(custom)
    try:
        import kubernetes_validate  # noqa: PLC0415  only this rule needs it
    except ImportError:
        raise ManifestError("the check needs what `sh tools/setup-venv infra` installs") from None
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(body, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            return (f"there is no {body['apiVersion']} {body['kind']} in Kubernetes {version}, or no schema",)
        except kubernetes_validate.ValidationError as error:
            return (f"Kubernetes {version}: {_place(error.absolute_path)}: {error.message}",)
    return ()


def _custom(body: Body) -> list[str] | None:
    """Return what is wrong with a custom resource; None for what is none."""
    validator = _validator(f"{str(body['apiVersion']).replace('/', '_')}_{body['kind']}.json")
    if validator is None:
        return None
    return [f"{_place(error.absolute_path)}: {error.message}" for error in validator.iter_errors(body)]


@cache
def _validator(name: str) -> Value:
    import jsonschema  # noqa: PLC0415  only this rule needs it

    file = resources.files("payments.devtools.manifests") / "schemas" / name
    if not file.is_file():
        return None
    return jsonschema.Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


def _place(path: Value) -> str:
    return ".".join(map(str, path)) or "the object"


def _size(scope: Scope) -> Found:
    for one in scope.written:
        size = len(json.dumps(one.body))
        if size >= LARGEST:
            yield one, f"{size} bytes; whoever applies it through a Lambda function or kubectl has room for {LARGEST}"


def _twice(scope: Scope) -> Found:
    seen: set[Key] = set()
    for one in scope.written:
        if one.key in seen:
            yield one, "is there twice"
        seen.add(one.key)


def _token(scope: Scope) -> Found:
    for one in scope.written:
        text = json.dumps(one.body)
        if "${Token[" in text or "Fn::" in text:
            yield one, "holds a token of CDK, which nobody will ever fill in"


RULES = (
    Rule("schema", Rank.CRITICAL, "The cluster accepts every object", _schema),
    Rule("size", Rank.HIGH, "Every object fits into one event", _size),
    Rule("unique", Rank.CRITICAL, "No object is there twice", _twice),
    Rule("token", Rank.CRITICAL, "Manifests are literal", _token),
)
