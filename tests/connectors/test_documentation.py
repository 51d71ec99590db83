"""docs/TEST_CARDS.md says what the tables say. Run this file as a program to bring the document up to date."""

import re
from pathlib import Path

from payments.connectors.declines import DECLINES
from payments.connectors.sandbox.cards import OWN_CARDS, STRIPE_CARDS
from payments.connectors.sandbox.connector import Timings

DOCUMENT = Path(__file__).parents[2] / "docs" / "TEST_CARDS.md"


def tables() -> dict[str, list[str]]:
    """Return the lines of each generated table by its name in the document."""
    return {
        "stripe": [
            "| number | meaning |",
            "|---|---|",
            *(f"| `{card.number}` | {card.meaning} |" for card in STRIPE_CARDS),
        ],
        "own": [
            "| number | scenario | meaning |",
            "|---|---|---|",
            *(f"| `{card.number}` | `{card.scenario}` | {card.meaning} |" for card in OWN_CARDS),
        ],
        "declines": [
            "| code | message | retryable |",
            "|---|---|---|",
            *(
                f"| `{code}` | {entry.message} | {'yes' if entry.retryable else 'no'} |"
                for code, entry in sorted(DECLINES.items())
            ),
        ],
    }


def renewed(document: str) -> str:
    """Return the document with every generated table replaced."""
    for name, lines in tables().items():
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        assert len(block.findall(document)) == 1, f"the document needs one place for the table {name}"
        document = block.sub("\n".join([r"\1" + lines[0], *lines[1:], r"\2"]), document)
    return document


def test_the_document_says_what_the_tables_say():
    document = DOCUMENT.read_text(encoding="utf-8")

    assert document == renewed(document), "run: python tests/connectors/test_documentation.py"


def test_the_document_knows_how_long_the_sandbox_takes():
    slow, pending = (f"{seconds:g}" for seconds in Timings())

    assert f"takes {slow} seconds, a decision that the acquirer postpones takes {pending}." in DOCUMENT.read_text(
        "utf-8"
    )


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
