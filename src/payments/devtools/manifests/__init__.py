"""What operations do with manifests before a cluster sees them: compare, check, draw, approve.

Nothing here synthesizes: `cdk8s/main.py` does, in a process of its own, and what follows works on the YAML it leaves.
"""
