"""`payments cost --refresh`: prices from AWS, and only those that it is sure of."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cdk.cost.prices import CostError, Price, Prices
from cdk.cost.refresh import refresh

NAT = Price(
    usd=Decimal("0.1"),
    unit="hour",
    source="memory",
    date=date(2020, 1, 1),
    verified=False,
    query={"service": "AmazonEC2", "usagetype": "EUC1-NatGateway-Hours"},
)


def pricing(key: str | None = None) -> Any:
    return boto3.client("pricing", region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=key)


def product(*tiers: str) -> str:
    dimensions = {
        str(at): {"beginRange": str(at), "pricePerUnit": {"USD": usd}, "unit": "Hrs"} for at, usd in enumerate(tiers)
    }
    return json.dumps({"product": {}, "terms": {"OnDemand": {"sku": {"priceDimensions": dimensions}}}})


def answered(*found: str) -> Prices:
    client = pricing("x")
    asked = {
        "ServiceCode": "AmazonEC2",
        "Filters": [{"Type": "TERM_MATCH", "Field": "usagetype", "Value": "EUC1-NatGateway-Hours"}],
        "FormatVersion": "aws_v1",
    }
    with Stubber(client) as stub:
        stub.add_response("get_products", {"PriceList": list(found)}, asked)
        unasked = replace(NAT, query=None)
        return refresh(Prices("eu-central-1", {"nat": NAT, "spot": unasked}), client, date(2026, 12, 1))


def test_refresh_takes_the_first_tier_that_is_not_free():
    renewed = answered(product("0.0000000000", "0.0520000000"))
    price = renewed["nat"]
    assert (price.usd, price.source, price.date, price.verified) == (
        Decimal("0.052"),
        "AWS Pricing API",
        date(2026, 12, 1),
        True,
    )
    # What the API does not know stays as it was, and unverified.
    assert renewed["spot"] == replace(NAT, query=None)


@pytest.mark.parametrize("found", [(), (product("1"), product("2"))])
def test_refresh_takes_no_price_that_it_is_not_sure_of(found):
    with pytest.raises(CostError, match=r"nat: AWS has \d prices for"):
        answered(*found)


def test_refresh_without_credentials_says_what_is_needed(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CostError, match=r"Unable to locate credentials.*pricing:GetProducts"):
        refresh(Prices("eu-central-1", {"nat": NAT}), pricing(), date(2026, 12, 1))
