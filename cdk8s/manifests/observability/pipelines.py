"""How logs and traces leave the cluster's nodes: Fluent Bit into Loki, and the OpenTelemetry collector, as data."""

from typing import Any

LOKI_PORT = 3100
# Ids belong into the line: as labels each of them would be a stream of its own.
LABELS = ("service", "level")
_NAMESPACE_LOGS = "/var/log/containers/*_payments_*.log"


def fluent_bit(loki_host: str) -> dict[str, Any]:
    """Return the configuration of Fluent Bit as YAML: tail our pods, read their JSON, redact once more, send."""
    return {
        "service": {
            "flush": 1,
            "log_level": "warn",
            "http_server": "on",
            "http_port": 2020,
            "storage.path": "/var/lib/fluent-bit",
            "storage.backlog.mem_limit": "16M",
        },
        "parsers": [
            {"name": "ours", "format": "json", "time_key": "timestamp", "time_format": "%Y-%m-%dT%H:%M:%S.%L%z"}
        ],
        "pipeline": {
            "inputs": [
                {
                    "name": "tail",
                    "path": _NAMESPACE_LOGS,
                    "tag": "kube.*",
                    "db": "/var/lib/fluent-bit/tail.db",
                    "multiline.parser": "cri",
                    "mem_buf_limit": "16M",
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
                # The services have done so already; this one holds for whatever else runs beside them.
                {
                    "name": "lua",
                    "match": "kube.*",
                    "call": "redact",
                    "code": REDACT,
                },
            ],
            "outputs": [
                {
                    "name": "loki",
                    "match": "kube.*",
                    "host": loki_host,
                    "port": LOKI_PORT,
                    "labels": "job=payments",
                    "label_keys": ",".join(f"${label}" for label in LABELS),
                    "line_format": "json",
                    "retry_limit": 30,
                    "storage.total_limit_size": "1G",
                }
            ],
        },
    }


# Runs of 13 to 19 digits, alone or in groups of four, become a mask. Coarser than the services' own look, which knows
# schemes and check digits: what is lost here is a number in a log of somebody else.
REDACT = """
local function mask(text)
  text = text:gsub("%f[%d]%d%d%d%d[ -]%d%d%d%d[ -]%d%d%d%d[ -]%d+%f[%D]", "[card number]")
  return (text:gsub("%f[%w]%d%d%d%d%d%d%d%d%d%d%d%d%d+%f[%W]", "[card number]"))
end
local function walk(value)
  if type(value) == "string" then return mask(value) end
  if type(value) == "table" then
    for key, each in pairs(value) do value[key] = walk(each) end
  end
  return value
end
function redact(tag, timestamp, record)
  return 2, timestamp, walk(record)
end
"""


def loki(bucket: str, region: str, retention_days: int) -> dict[str, Any]:
    """Return the configuration of Loki in one process, with everything durable in S3."""
    return {
        "auth_enabled": False,
        "server": {"http_listen_port": LOKI_PORT, "log_level": "warn"},
        "common": {
            "path_prefix": "/var/loki",
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"s3": {"bucketnames": bucket, "region": region}},
        },
        "schema_config": {
            "configs": [
                {
                    "from": "2026-01-01",
                    "store": "tsdb",
                    "object_store": "s3",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "limits_config": {
            "retention_period": f"{retention_days * 24}h",
            "max_label_names_per_series": 8,
            "allow_structured_metadata": True,
            "reject_old_samples": True,
            "reject_old_samples_max_age": "168h",
        },
        "compactor": {
            "working_directory": "/var/loki/compactor",
            "retention_enabled": True,
            "delete_request_store": "s3",
        },
        "analytics": {"reporting_enabled": False},
    }


def collector(traces_endpoint: str, *, tls: bool = True) -> dict[str, Any]:
    """Return the configuration of the OpenTelemetry collector: OTLP in, OTLP out, never a header or a body."""
    return {
        "extensions": {"health_check": {"endpoint": "0.0.0.0:13133"}},
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "0.0.0.0:4318"}}}},
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
        "exporters": {
            "otlp": {
                "endpoint": traces_endpoint,
                "tls": {"insecure": not tls},
                "retry_on_failure": {"enabled": True, "max_elapsed_time": "300s"},
                "sending_queue": {"enabled": True, "queue_size": 2048},
            }
        },
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"logs": {"level": "warn"}},
            "pipelines": {
                "traces": {
                    "receivers": ["otlp"],
                    "processors": ["memory_limiter", "attributes", "batch"],
                    "exporters": ["otlp"],
                }
            },
        },
    }
