"""What both services truly share; small on purpose."""
