"""Known card numbers, the requests that carry them everywhere, and the search for what is left of them."""

import base64
import copy
import re
from collections.abc import Iterator, Mapping
from itertools import count, cycle, islice
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

# Valid numbers that no test card list has, so that a finding can only come from here.
PANS = ("4916338506082832", "5308174529660210", "377189046250839")
CVC = "7193"

Json = dict[str, Any]


class Probe(NamedTuple):
    """One request; ``where`` says what was put into which place."""

    where: str
    method: str
    path: str
    headers: Mapping[str, str | bytes]
    content: Any = None


def grouped(pan: str, separator: str) -> str:
    """The number as it is printed on the card."""
    return separator.join(pan[start : start + 4] for start in range(0, len(pan), 4))


def spellings(pan: str) -> tuple[str, ...]:
    """How people put a number into a text."""
    return (pan, grouped(pan, " "), grouped(pan, "-"), f"card {pan} exp 12/34", f"PAN:{grouped(pan, '.')};")


class Leaks:
    """Finds numbers in plain, grouped, base64 and hex, and the CVC as a word of its own."""

    def __init__(self) -> None:
        forms: set[bytes] = set()
        for pan in PANS:
            for separator in ("", " ", "-", ".", "%20", "+", "\u00a0"):
                text = grouped(pan, separator).encode()
                forms |= {text, text.hex().encode(), text.hex().upper().encode(), *_base64_cores(text)}
        self._numbers = re.compile(b"|".join(map(re.escape, sorted(forms))))
        # Not a part of a time, of a hexadecimal id, of a process's name for itself, or of a longer number.
        self._cvc = re.compile(rb"(?<![\w.:+-])(?<!PID )" + CVC.encode() + rb"(?![\w.:-])")

    def in_bytes(self, data: bytes, *, cvc: bool = True) -> list[str]:
        """The first findings, with what stands around them."""
        patterns = (self._numbers, self._cvc) if cvc else (self._numbers,)
        findings = (found for pattern in patterns for found in pattern.finditer(data))
        return [repr(data[max(0, found.start() - 60) : found.end() + 20]) for found in islice(findings, 3)]


def _base64_cores(text: bytes) -> Iterator[bytes]:
    """The part of each of the three encodings that does not depend on the neighbours."""
    for before in range(3):
        first, last = -(-8 * before // 6), 8 * (before + len(text)) // 6
        yield base64.b64encode(bytes(before) + text)[first:last]


class Attack:
    """Builds probes from an OpenAPI document."""

    def __init__(self, document: Json, samples: Mapping[str, Any], path_ids: Mapping[str, str]) -> None:
        """Take valid values for fields by name, and ids that exist by the path before them."""
        self._document = document
        self._samples = samples
        self._path_ids = path_ids
        # Each place gets one after another, so that every spelling comes to every kind of place.
        self._texts = cycle([text for pan in PANS for text in spellings(pan)])
        self._numbers = cycle(PANS)
        self._keys = count()

    def operations(self) -> Iterator[Iterator[Probe]]:
        """Every operation, as it should be first, then with card data in every place a client can write to."""
        for template, operations in self._document["paths"].items():
            for method, operation in operations.items():
                yield self._operation(template, method.upper(), operation)

    def baseline(self, template: str, operation: Json) -> tuple[str, Json | None]:
        """The path and the body of a request that is meant to succeed."""
        path = re.sub(r"\{\w+\}", lambda found: self._path_ids[template[: found.end()]], template)
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        return path, self._sample(content["schema"], "") if content else None

    def _operation(self, template: str, method: str, operation: Json) -> Iterator[Probe]:
        name = f"{method} {template}"
        path, body = self.baseline(template, operation)
        yield Probe(f"{name} as it should be", method, path, self._headers(body), body)
        for segment in re.findall(r"\{\w+\}", template):
            for text in (next(self._numbers), next(self._texts)):
                filled = re.sub(r"\{\w+\}", "x", template.replace(segment, quote(text)))
                yield Probe(f"{name} path {segment}", method, filled, self._headers(body), body)
        for parameter in [*_query_names(operation), "unknown"]:
            query = f"{parameter}={quote(next(self._texts))}&cvc={CVC}"
            yield Probe(f"{name} query {parameter}", method, f"{path}?{query}", self._headers(body), body)
        for header in ("Idempotency-Key", "X-Request-Id", "User-Agent", "Accept-Language", "traceparent", "X-Card"):
            headers = {**self._headers(body), header: next(self._texts)}
            yield Probe(f"{name} header {header}", method, path, headers, body)
        if body is not None:
            for where, changed in self._bodies(body):
                yield Probe(f"{name} body {where}", method, path, self._headers(changed), changed)

    def _headers(self, body: Any) -> dict[str, str | bytes]:
        headers: dict[str, str | bytes] = {"Idempotency-Key": f"canary-{next(self._keys)}-{uuid4().hex[:6]}"}
        return headers if body is None else {**headers, "Content-Type": "application/json"}

    def _bodies(self, body: Json) -> Iterator[tuple[str, Any]]:
        """The body with card data in each of its places, as well as bodies that are none."""
        for place in _leaves(body):
            number = next(self._numbers)
            for value in (number, grouped(number, " "), next(self._texts), int(number), [number]):
                changed = copy.deepcopy(body)
                if _put(changed, place, value) is int and isinstance(value, int):
                    continue  # fifteen digits are a fine amount of rupiah: as an amount, a number says nothing
                yield f"{place} = {type(value).__name__}", changed
        for key in (next(self._numbers), "note", "cvc"):
            yield f"extra field {key!r}", {**body, key: CVC if key == "cvc" else next(self._texts)}
        number = next(self._numbers)
        card = f'{{"number": "{number}", "cvc": "{CVC}"'
        yield from (
            ("cut off", card.encode()),
            ("a bare number", number.encode()),
            ("a bare string", f'"{number}"'.encode()),
            ("a list", f"[{card}}}]".encode()),
            ("nested too deep", b'{"a":' * 50_000 + number.encode()),
            ("a repeated key", f'{{"number": "{number}", "number": {number}}}'.encode()),
            ("not UTF-8", card.encode() + b', "x": "\xff\xfe"}'),
            ("NUL", card.encode() + b', "x": "\x00\\u0000"}'),
            ("a form", f"number={number}&cvc={CVC}".encode()),
            ("XML", f"<card><number>{number}</number><cvc>{CVC}</cvc></card>".encode()),
        )

    def _sample(self, schema: Json, name: str) -> Any:
        """A value that fits a schema."""
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._sample({**next(one for one in schema[key] if one.get("type") != "null")}, name)
        suggested = [
            self._samples.get(name),
            *schema.get("examples", ())[:1],
            schema.get("const"),
            schema.get("default"),
        ]
        suggested += schema.get("enum", ())[:1]
        found = [value for value in suggested if value is not None]
        if found:
            return found[0]
        if schema.get("type") == "object":
            return {field: self._sample(one, field) for field, one in schema.get("properties", {"order": {}}).items()}
        if schema.get("type") == "array":
            return [self._sample(schema.get("items", {}), name)]
        if not re.search(schema.get("pattern", ""), "canary"):
            return None  # an optional field that nothing here fits: absent as it should be, attacked all the same
        return {"integer": max(1, schema.get("minimum", 1)), "boolean": False}.get(schema.get("type", ""), "canary")


def _query_names(operation: Json) -> list[str]:
    return [one["name"] for one in operation.get("parameters", ()) if one.get("in") == "query"]


def _leaves(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*place, key))
    else:
        yield place


def _put(value: Any, place: tuple[str | int, ...], new: Any) -> type:
    """Put a new value into its place; return the type of the old one."""
    for key in place[:-1]:
        value = value[key]
    old = type(value[place[-1]])
    value[place[-1]] = new
    return old
