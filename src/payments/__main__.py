"""`python -m payments`: the same as the command `payments`, wherever the scripts of the environment are."""

from payments.cli import main

main()
