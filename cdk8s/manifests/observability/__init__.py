"""Rules, dashboards and pipelines as plain data. What wraps them into manifests is elsewhere."""
