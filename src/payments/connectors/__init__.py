"""Acquirers behind one port: the sandbox is built in, real ones implement the same protocol."""
