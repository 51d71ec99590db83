"""Events on a developer's machine: follow them, forward them to a local server, cause one."""
