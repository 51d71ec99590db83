"""``payments fraud …``: trying rules before payments meet them.

Without settings in the environment, the commands work on the platform that ``make dev`` runs in this working copy.
"""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

# Everything heavier is imported where it is used, so that `payments --help` answers at once.
from payments.devtools import target
from payments.devtools.errors import ToolError

if TYPE_CHECKING:
    from payments.fraud.rules import RuleSet

app = typer.Typer(name="fraud", help="Fraud rules.", no_args_is_help=True)

_UNITS = {"h": 1, "d": 24, "w": 168}
_SPAN = re.compile(r"(\d{1,4})([hdw])")


@app.callback()
def choose(
    context: typer.Context,
    database_url: Annotated[
        str | None, typer.Option(envvar="PAYMENTS_DATABASE_URL", help="URL of the application's role.")
    ] = None,
) -> None:
    """Fraud rules. Without settings: those of the platform that `make dev` runs here."""
    context.obj = target.database_url(database_url)


@app.command()
def backtest(
    context: typer.Context,
    rules: Annotated[Path, typer.Option(help="YAML or JSON: a list of rules as POST /v1/fraud/rules takes them.")],
    since: Annotated[str, typer.Option(help="How far back: 12h, 7d, 4w.")] = "7d",
    *,
    live: Annotated[bool, typer.Option("--live", help="Live payments instead of test payments.")] = False,
) -> None:
    """Decide stored payments again with other rules, on the signals they had, and print the difference."""
    span = _SPAN.fullmatch(since)
    if span is None:
        raise ToolError(f"--since {since!r} is not understood; write 12h, 7d or 4w")
    start = datetime.now(UTC) - timedelta(hours=int(span[1]) * _UNITS[span[2]])
    _print(asyncio.run(_replay(context.obj, _read(rules), start, livemode=live)))


def _read(path: Path) -> "RuleSet":
    import yaml  # noqa: PLC0415
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from payments.fraud.api_schemas import RuleCreate  # noqa: PLC0415
    from payments.fraud.rules import Rule, RuleSet  # noqa: PLC0415
    from shared.ids import new_uuid  # noqa: PLC0415

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = TypeAdapter(list[RuleCreate]).validate_python(content)
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ToolError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        lines = [f"  rule {'/'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False)]
        raise ToolError("\n".join([f"{path} does not hold rules:", *lines])) from error
    return RuleSet(0, [Rule(id=new_uuid(), **rule.model_dump()) for rule in found])


async def _replay(database_url: str, rules: "RuleSet", since: datetime, *, livemode: bool) -> dict[str, Any]:
    from payments.database import Database  # noqa: PLC0415
    from payments.fraud.backtest import backtest as replay  # noqa: PLC0415

    database = Database(database_url)
    try:
        return await replay(database, rules, since, livemode=livemode)
    finally:
        await database.dispose()


def _print(found: dict[str, Any]) -> None:
    from payments.money import display  # noqa: PLC0415

    console = Console()
    console.print(
        f"{found['compared']} payments compared, {found['changed']} decided otherwise"
        + (f"; {found['left_out']} left out, decided without signals" if found["left_out"] else "")
    )
    for title in ("newly_declined", "newly_approved"):
        money = ", ".join(display(amount, currency) for currency, amount in sorted(found[title].items()))
        console.print(f"{title.replace('_', ' ')}: {money or 'nothing'}")
    fired = Table("rule", "hits")
    for rule in found["rules"]:
        fired.add_row(rule["name"], str(rule["hits"]))
    console.print(fired)
    for change in found["changes"]:
        table = Table("payment", "amount", "score", "rules that fired", "rules that would")
        for example in change["examples"]:
            table.add_row(
                example["payment"],
                display(example["amount"], example["currency"]),
                f"{example['score_before']} → {example['score_after']}",
                ", ".join(example["rules_before"]) or "none",
                ", ".join(example["rules_after"]) or "none",
            )
        console.print(f"{change['count']} from {change['from']} to {change['to']}, for example:", table)
