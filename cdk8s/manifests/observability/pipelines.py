"""How logs and traces leave the nodes: what Fluent Bit, Loki and the OpenTelemetry collector are configured with.

Plain data, handed to their Helm charts by `cdk/stacks/charts.py` as it is.
"""

from collections.abc import Mapping
from typing import Any

LOKI_PORT = 3100
# Fluent Bit's own place on a node: how far it has read, and what it could not deliver yet.
STATE = "/var/lib/fluent-bit"
# Ids belong into the line: as labels each of them would be a stream of its own.
LABELS = {
    "namespace": "$kubernetes['namespace_name']",
    "app": "$kubernetes['container_name']",
    "level": "$level",
}


def to_loki(host: str) -> dict[str, Any]:
    """Return an output that sends lines to Loki."""
    return {
        "name": "loki",
        "match": "kube.*",
        "host": host,
        "port": LOKI_PORT,
        "labels": ", ".join(f"{name}={where}" for name, where in LABELS.items()),
        "line_format": "json",
        "retry_limit": 30,
        "storage.total_limit_size": "1G",
    }


def to_cloudwatch(region: str, log_group: str) -> dict[str, Any]:
    """Return an output that sends lines to a log group of CloudWatch."""
    return {
        "name": "cloudwatch_logs",
        "match": "kube.*",
        "region": region,
        "log_group_name": log_group,
        "log_stream_prefix": "pod-",
        "auto_create_group": "off",
        "retry_limit": 30,
        "storage.total_limit_size": "1G",
    }


def fluent_bit(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return Fluent Bit's configuration: read every pod's lines and their JSON, redact once more, send."""
    return {
        "service": {
            "flush": 1,
            "log_level": "warn",
            "http_server": "on",
            "http_listen": "0.0.0.0",  # noqa: S104  the kubelet asks from the node
            "http_port": 2020,
            # The chart's readiness probe asks for it.
            "health_check": "on",
            "storage.path": f"{STATE}/buffer",
            "storage.backlog.mem_limit": "16M",
        },
        "pipeline": {
            "inputs": [
                {
                    "name": "tail",
                    "path": "/var/log/containers/*.log",
                    # What it says about lines it could not deliver would be lines to deliver.
                    "exclude_path": "/var/log/containers/fluent-bit-*.log",
                    "tag": "kube.*",
                    "db": f"{STATE}/tail.db",
                    "multiline.parser": "cri",
                    "storage.type": "filesystem",
                    "skip_long_lines": "on",
                }
            ],
            "filters": [
                {
                    "name": "kubernetes",
                    "match": "kube.*",
                    "merge_log": "on",
                    "keep_log": "off",
                    "labels": "off",
                    "annotations": "off",
                },
                # Our services have done so already; this holds for whatever else runs beside them.
                {"name": "lua", "match": "kube.*", "call": "redact", "code": REDACT},
            ],
            "outputs": [dict(output)],
        },
    }


# Thirteen digits and more, alone or in groups, become a mask, in text and as numbers. Coarser than the services' own
# look, which knows schemes and check digits: what is lost here is a number in a log of somebody else. An error in this
# script would let the record through as it is, so it only does what cannot fail.
REDACT = """\
local MASK = "[card number]"
local function group(digits)
  local _, count = digits:gsub("%d", "")
  if count >= 13 then return MASK end
end
local function mask(text)
  return (text:gsub("%f[%w]%d[%d -]*%d%f[%W]", group))
end
local function walk(value)
  if type(value) == "string" then return mask(value) end
  if type(value) == "number" and value >= 1e12 and value < 1e19 then return MASK end
  if type(value) == "table" then
    for key, each in pairs(value) do value[key] = walk(each) end
  end
  return value
end
function redact(tag, timestamp, record)
  return 2, timestamp, walk(record)
end
"""


def loki(retention_days: int) -> dict[str, Any]:
    """Return what Loki's chart makes its configuration of: one process, everything on its volume."""
    return {
        "auth_enabled": False,
        "commonConfig": {"replication_factor": 1},
        "storage": {"type": "filesystem"},
        "useTestSchema": False,
        "schemaConfig": {
            "configs": [
                {
                    "from": "2026-01-01",
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {"retention_enabled": True, "delete_request_store": "filesystem"},
        "limits_config": {
            "retention_period": f"{retention_days * 24}h",
            "max_label_names_per_series": 8,
            "reject_old_samples": True,
            "reject_old_samples_max_age": "168h",
        },
        "analytics": {"reporting_enabled": False},
    }


def collector(region: str) -> dict[str, Any]:
    """Return the OpenTelemetry collector's configuration: OTLP in, X-Ray out, never a header or a query."""
    # Not 0.0.0.0: the pod's own address, which the chart puts into this variable.
    here = "${env:MY_POD_IP}"
    return {
        "extensions": {"health_check": {"endpoint": f"{here}:13133"}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{here}:4318"}}}},
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_percentage": 75, "spike_limit_percentage": 20},
            "attributes": {
                "actions": [
                    {
                        "pattern": r"^(http\.request\.header|http\.response\.header|url\.query|url\.full).*",
                        "action": "delete",
                    }
                ]
            },
            "batch": {"send_batch_size": 512, "timeout": "5s"},
        },
        "exporters": {"awsxray": {"region": region}},
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"logs": {"level": "warn"}},
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "attributes", "batch"],
                    "exporters": ["awsxray"],
                }
            },
        },
    }
