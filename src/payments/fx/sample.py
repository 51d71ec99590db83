"""Rates for the local platform, so that a fresh one can convert. Made up, in the shape of the ECB's and near them.

They are of the day they are asked for: a demo should not depend on when somebody last imported a file.
"""

from typing import Any

SOURCE = "sample"

# Units for one euro, near those of 2026-11-20.
_PER_EURO = {
    "AUD": "1.7712",
    "BRL": "6.2140",
    "CAD": "1.6085",
    "CHF": "0.9310",
    "CNY": "8.1420",
    "CZK": "24.190",
    "DKK": "7.4690",
    "GBP": "0.86140",
    "HKD": "8.9870",
    "HUF": "384.20",
    "IDR": "19120",
    "ILS": "3.8120",
    "INR": "101.35",
    "ISK": "143.20",
    "JPY": "178.40",
    "KRW": "1652.30",
    "KWD": "0.35480",
    "MXN": "21.265",
    "MYR": "4.8560",
    "NOK": "11.7340",
    "NZD": "1.9980",
    "PHP": "66.890",
    "PLN": "4.2380",
    "RON": "5.0920",
    "SEK": "10.9460",
    "SGD": "1.4985",
    "THB": "37.420",
    "TRY": "53.480",
    "USD": "1.1548",
    "ZAR": "19.874",
}


def rates() -> list[dict[str, Any]]:
    """Return the body of one ``PUT /v1/fx/rates``; the rates take effect when it arrives."""
    return [{"base": "EUR", "quote": quote, "rate": rate, "source": SOURCE} for quote, rate in _PER_EURO.items()]
