"""Money is an integer of minor units plus an ISO 4217 code; exponents come from this table and no float touches money.

Source of codes and exponents: ISO 4217 list one as published by SIX on 2026-01-01, all codes that have a minor unit;
precious metals, bond market units, drawing rights and test codes have none.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

_BY_EXPONENT = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG "
    "YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: dict[str, int] = {code: exponent for exponent, codes in _BY_EXPONENT.items() for code in codes.split()}

# Twelve digits: sums of a billion such amounts still fit the database's 64-bit integers.
MAX_AMOUNT = 999_999_999_999


def _known(code: str) -> str:
    if code not in EXPONENTS:
        kind = "currency_unknown"
        raise PydanticCustomError(kind, "Expected an ISO 4217 code of three upper-case letters, for example USD")
    return code


Currency = TypeAliasType(
    "Currency",
    Annotated[
        str,
        AfterValidator(_known),
        Field(description="ISO 4217 code", json_schema_extra={"enum": sorted(EXPONENTS)}, examples=["USD"]),
    ],
)

Amount = Annotated[
    int,
    Field(strict=True, gt=0, le=MAX_AMOUNT, description="Amount in minor units of the currency", examples=[1999]),
]


def round_half_even(value: Decimal) -> int:
    """Return the nearest whole number of minor units; ties go to the even one."""
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


def display(amount: int, currency: str) -> str:
    """Return an amount for people, for example ``19.99 USD`` or ``1999 JPY``."""
    exponent = EXPONENTS[currency]
    return f"{Decimal(amount).scaleb(-exponent):.{exponent}f} {currency}"
