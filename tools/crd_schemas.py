"""Usage: python tools/crd_schemas.py NODE_MODULES. Writes the schemas of the custom resources that manifests may use.

The npm packages @kubernetes-models/… are generated from the operators' own custom resource definitions; their type
declarations hold every field with its type. This turns those of the kinds below into JSON schemas in which an unknown
field is an error, so that a check needs neither npm nor node nor a network.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "payments" / "devtools" / "manifests" / "schemas"
_OPERATOR = "@kubernetes-models/prometheus-operator"
_SECRETS = "@kubernetes-models/external-secrets"
KINDS = {
    f"{_SECRETS}/external-secrets.io/v1/ExternalSecret": "external-secrets.io/v1",
    f"{_SECRETS}/external-secrets.io/v1/SecretStore": "external-secrets.io/v1",
    f"{_OPERATOR}/monitoring.coreos.com/v1/ServiceMonitor": "monitoring.coreos.com/v1",
    f"{_OPERATOR}/monitoring.coreos.com/v1/PodMonitor": "monitoring.coreos.com/v1",
    f"{_OPERATOR}/monitoring.coreos.com/v1/PrometheusRule": "monitoring.coreos.com/v1",
}
# Of the many places that secrets may come from, only ours: the rest would be megabytes that nobody reads.
_ONLY = {"SecretStoreProvider": {"aws"}}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_$][\w$.]*|-?\d+|\[|\]|[{}<>()|;:?,&=]')
_PLAIN = {"string": "string", "number": "number", "boolean": "boolean", "null": "null"}
Schema = dict[str, Any]


class Declarations:
    """Type declarations, and the schemas made of those that were asked for."""

    def __init__(self, modules: Path) -> None:
        self.modules = modules
        self.found: dict[str, Schema] = {}

    def schema(self, path: Path) -> str:
        """Return the name under which the schema of a declaration file is kept."""
        path = path.resolve()
        name = path.relative_to(self.modules.resolve()).as_posix().removesuffix(".d.ts").replace("/", ".")
        if name not in self.found:
            self.found[name] = {}
            self.found[name] = Parser(self, path).declared()
        return name

    def reference(self, source: Path, target: str) -> str:
        """Return the name of what one declaration file imports from another."""
        found = source.parent / target if target.startswith(".") else self.modules / target
        return self.schema(found.with_name(found.name.removesuffix(".js") + ".d.ts"))


class Parser:
    """Reads the one exported interface or type of a file."""

    def __init__(self, declarations: Declarations, path: Path) -> None:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        self._declarations, self._path = declarations, path
        self._imports = {
            name.strip(): target
            for names, target in re.findall(r'import \{([^}]*)\} from "([^"]+)"', text)
            for name in names.split(",")
        }
        start = re.search(r"export (?:interface I(\w+)[^{]*|(?:declare )?type I?(\w+) = )", text)
        if start is None:
            raise ValueError(f"nothing is declared in {path}")
        self._name = start[1] or start[2]
        self._tokens: list[str] = [*_TOKEN.findall(text[start.end() :]), ";"]
        self._place = 0

    def declared(self) -> Schema:
        return self._union()

    def _next(self) -> str:
        self._place += 1
        return self._tokens[self._place - 1]

    def _skip(self, *tokens: str) -> bool:
        if self._tokens[self._place] in tokens:
            self._place += 1
            return True
        return False

    def _union(self) -> Schema:
        self._skip("|")
        found = [self._single()]
        while self._skip("|"):
            found.append(self._single())
        constants = [one["const"] for one in found if "const" in one]
        if len(constants) == len(found):
            return {"enum": constants}
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _single(self) -> Schema:
        word = self._next()
        if word == "{":
            found = self._fields()
        elif word == "(":
            found = self._union()
            self._skip(")")
        elif word == "Array":
            self._skip("<")
            found = {"type": "array", "items": self._union()}
            self._skip(">")
        elif word.startswith('"'):
            found = {"const": json.loads(word)}
        elif word in _PLAIN:
            found = {"type": _PLAIN[word]}
        elif word in self._imports:
            found = {"$ref": f"#/$defs/{self._declarations.reference(self._path, self._imports[word])}"}
        else:  # any, unknown, and what has no shape
            found = {}
        while self._skip("["):
            self._skip("]")
            found = {"type": "array", "items": found}
        return found

    def _fields(self) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        rest: Schema | bool = False
        while not self._skip("}"):
            if self._skip("["):  # [key: string]: type
                while not self._skip("]"):
                    self._next()
                self._skip(":")
                rest = self._union()
            else:
                token = self._next()
                name = json.loads(token) if token.startswith('"') else token
                optional = self._skip("?")
                self._skip(":")
                only = _ONLY.get(self._name)
                before = self._imports
                if only is not None and name not in only:
                    self._imports = {}  # read past it, without what it refers to
                field = self._union()
                self._imports = before
                if only is None or name in only:
                    properties[name] = field
                if not optional:
                    required.append(name)
            self._skip(";", ",")
        return {
            "type": "object",
            **({"properties": properties} if properties else {}),
            **({"required": required} if required else {}),
            "additionalProperties": rest,
        }


def main() -> None:
    """Write one file per kind."""
    modules = Path(sys.argv[1])
    TARGET.mkdir(exist_ok=True)
    for module, version in KINDS.items():
        declarations = Declarations(modules)
        name = declarations.schema(modules / f"{module}.d.ts")
        kind = module.rpartition("/")[2]
        package = json.loads((modules / "/".join(module.split("/")[:2]) / "package.json").read_text(encoding="utf-8"))
        schema = {
            "$comment": f"by tools/crd_schemas.py, from {package['name']} {package['version']}, {package['license']}",
            "$ref": f"#/$defs/{name}",
            "$defs": dict(sorted(declarations.found.items())),
        }
        file = TARGET / f"{version.replace('/', '_')}_{kind}.json"
        file.write_text(json.dumps(schema, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{file.name}: {len(declarations.found)} types")


if __name__ == "__main__":
    main()
