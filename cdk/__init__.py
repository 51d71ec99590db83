"""The platform on AWS, as code."""
