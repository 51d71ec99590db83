"""The platform on AWS, as code."""

from cdk.node import prefer_wheel

# Before anything imports a library that runs on node.
prefer_wheel()
