"""Small functions of the infrastructure itself; they run with what Lambda's Python brings."""
