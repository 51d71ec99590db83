"""The Kubernetes side of a stage: one module a chart, one chart a file that operations review.

Nothing here knows AWS tokens. Names, hosts and address ranges are computed by `cdk.stage.Stage`, roles reach pods
through Pod Identity, endpoints and passwords through External Secrets, image digests from `images/<stage>.json`.
"""
