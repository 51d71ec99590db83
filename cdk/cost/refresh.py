"""Reads prices from AWS: the Pricing API, which is in us-east-1 for every region."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk.cost.prices import CostError, Price, Prices

SOURCE = "AWS Pricing API"


def refresh(prices: Prices, client: Any, today: date) -> Prices:  # noqa: ANN401 - boto3 makes its clients at run time
    """Return the table with every price that the API knows.

    Raises:
        CostError: the API refuses, or does not know exactly one price.
    """
    return Prices(
        prices.region,
        {
            key: price if price.query is None else _asked(key, price, client, today)
            for key, price in prices.by_key.items()
        },
    )


def _asked(key: str, price: Price, client: Any, today: date) -> Price:  # noqa: ANN401
    assert price.query is not None  # noqa: S101  the caller looked
    attributes = {field: value for field, value in price.query.items() if field != "service"}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in attributes.items()]
    try:
        answer = client.get_products(ServiceCode=price.query["service"], Filters=filters, FormatVersion="aws_v1")
    except (BotoCoreError, ClientError) as error:
        raise CostError(
            f"AWS gives no prices: {error}; credentials of any account that may `pricing:GetProducts` are needed"
        ) from error
    found = {usd for product in answer["PriceList"] for usd in _on_demand(json.loads(product))}
    if len(found) != 1:
        raise CostError(
            f"{key}: AWS has {len(found)} prices for {dict(price.query)}; make the query in prices.json exact"
        )
    return replace(price, usd=found.pop(), source=SOURCE, date=today, verified=True)


def _on_demand(product: dict[str, Any]) -> Iterable[Decimal]:
    """Yield the price of the first tier that is not free."""
    for term in product["terms"].get("OnDemand", {}).values():
        tiers = sorted(term["priceDimensions"].values(), key=lambda tier: Decimal(tier.get("beginRange", "0")))
        paid = [Decimal(tier["pricePerUnit"]["USD"]) for tier in tiers if Decimal(tier["pricePerUnit"]["USD"])]
        yield from (price.normalize() for price in paid[:1])
