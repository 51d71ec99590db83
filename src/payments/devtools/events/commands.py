"""`payments listen` and `payments trigger`."""

from typing import Annotated

import typer

from payments.devtools.errors import ToolError

_Key = Annotated[
    str | None,
    typer.Option(envvar="PAYMENTS_API_KEY", show_envvar=True, help="An API key; default: the one of `make dev`."),
]
_Gateway = Annotated[
    str | None,
    typer.Option(envvar="PAYMENTS_GATEWAY_URL", show_envvar=True, help="The gateway; default: the one of `make dev`."),
]


def listen(
    forward_to: Annotated[str | None, typer.Option(help="URL of your local server; it gets them as webhooks.")] = None,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")] = None,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this sequence; default: now.")] = None,
    api_key: _Key = None,
    gateway: _Gateway = None,
) -> None:
    """Print a merchant's events as they happen, until Ctrl-C; with --forward-to, send them to a local server."""
    # Only now: `payments --help` answers at once.
    from payments.devtools.events.listen import run  # noqa: PLC0415
    from payments.devtools.events.target import find  # noqa: PLC0415

    if forward_to is not None and not forward_to.startswith(("http://", "https://")):
        raise ToolError(f"{forward_to} is not a URL: write http://{forward_to}")
    run(find(gateway, api_key), forward_to=forward_to, types=event_type or [], after=after)


def trigger(
    event: Annotated[str, typer.Argument(help="A type of event, for example payment.captured.")],
    api_key: _Key = None,
    gateway: _Gateway = None,
) -> None:
    """Cause an event in test mode, by doing what it tells of."""
    from payments.devtools.events.target import find  # noqa: PLC0415
    from payments.devtools.events.trigger import run  # noqa: PLC0415

    typer.echo(run(find(gateway, api_key), event))
