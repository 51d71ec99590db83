"""Bills as people read them, and as `--compare FILE` does."""

import json
from collections import defaultdict
from decimal import Decimal

from rich.console import Console
from rich.table import Table

from cdk.cost.bill import Bill
from cdk.cost.inputs import Profile


def show(console: Console, profile: Profile, bills: list[Bill]) -> None:
    """Print the expected month line by line, then the months side by side."""
    expected = next(each for each in bills if each.load == "expected")
    table = Table(box=None, pad_edge=False)
    for title in ("resource", "what", "quantity", "unit", "unit price", "USD a month", "price from", "on"):
        numbers = title in ("quantity", "unit price", "USD a month")
        table.add_column(title, justify="right" if numbers else "left", no_wrap=True)
    for line in sorted(expected.lines, key=lambda line: -line.usd):
        price = line.price
        mark = "" if price.verified else "unverified: "
        table.add_row(
            line.item.resource,
            line.item.what,
            f"{line.item.quantity:,.2f}",
            price.unit,
            f"{price.usd:f}",
            f"{line.usd:,.2f}",
            f"{mark}{price.source}",
            str(price.date),
        )
    console.print(table)
    console.print(f"\n[bold]{profile.name} on {profile.compute}[/], USD a month, no taxes, discounts or free tiers")
    for each in bills:
        console.print(f"  {each.load:32} {each.usd:>12,.2f}  {_pods(each)}", highlight=False)
        for note in each.notes:
            console.print(f"  {'':32} [yellow]{note}", highlight=False)
    console.print(
        f"  {'band':32} {profile.floor:>12,} to {profile.ceiling:,}, held by low and expected", highlight=False
    )
    unverified = {line.item.price for line in expected.lines if not line.price.verified}
    if unverified:
        console.print(f"{len(unverified)} prices are unverified; `payments cost --refresh` reads them from AWS.")


def outside(profile: Profile, bills: list[Bill]) -> list[str]:
    """Return in words which of the low and the expected month are not within the band."""
    return [
        f"{profile.name} on {profile.compute}, {each.load}: {each.usd:,.2f} USD is not within "
        f"{profile.floor} to {profile.ceiling}"
        for each in bills
        if each.load in ("low", "expected") and not profile.floor <= each.usd <= profile.ceiling
    ]


def as_json(bills: list[Bill]) -> str:
    """Return the bills for a machine, and for `--compare`."""
    return json.dumps(
        {each.load: {key: f"{usd:.2f}" for key, usd in each.by_resource().items()} for each in bills}, indent=2
    )


def compare(console: Console, before: dict[str, dict[str, str]], bills: list[Bill]) -> None:
    """Print what a change costs: each month's sum, and each line of the expected month that differs."""
    expected = next(each for each in bills if each.load == "expected")
    old = defaultdict(Decimal, {key: Decimal(usd) for key, usd in before["expected"].items()})
    new = defaultdict(Decimal, {key: round(usd, 2) for key, usd in expected.by_resource().items()})
    table = Table("resource", box=None, pad_edge=False)
    for title in ("before", "after", "USD a month"):
        table.add_column(title, justify="right")
    changed = [key for key in sorted({*old, *new}) if old[key] != new[key]]
    for key in sorted(changed, key=lambda key: -abs(new[key] - old[key])):
        table.add_row(key, f"{old[key]:,.2f}", f"{new[key]:,.2f}", f"{new[key] - old[key]:+,.2f}")
    if changed:
        console.print(table)
    else:
        console.print("No line of the expected month changes.")
    for each in bills:
        if each.load in before:
            was = sum(Decimal(usd) for usd in before[each.load].values())
            # Of rounded lines on both sides, or months that are the same would differ by cents.
            now = sum(round(usd, 2) for usd in each.by_resource().values())
            console.print(f"  {each.load:32} {was:>12,.2f} → {now:,.2f}  ({now - was:+,.2f})", highlight=False)


def _pods(each: Bill) -> str:
    return ", ".join(f"{name} {count}" for name, count in each.pods.items())
