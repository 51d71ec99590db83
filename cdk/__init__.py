<<<<<<< HEAD
"""The platform on AWS, as code."""
=======
"""The platform in AWS, stage by stage."""

from cdk.node import prefer_wheel

# Before anything imports a library that runs on node.
prefer_wheel()
>>>>>>> d1c579e (Describe every stage as plain data, and synthesize its network)
