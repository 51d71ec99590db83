"""The command line `payments`.

    payments dev          run the whole platform on this machine
    payments demo         play a payment's whole story against it
    payments dev-reset    forget its data
    payments token        print the token of a person with the roles you name
    payments doctor       say what is missing here, and how to fix it
    payments migrate      bring a database up to date
    payments worker       run the background worker
    payments listen       print events as they happen, and forward them to a local server
    payments trigger      cause an event in test mode
    payments keys         make the key material of a stage in AWS
    payments images       pin container images
    payments manifests    compare, check and approve Kubernetes manifests
    payments cost         say what a stage costs a month, before anybody deploys
    payments ledger       verify the books
    payments restore-check  prove that a restored copy can be trusted
    payments inspect      print all that is known about a payment
    payments reconcile    match an acquirer's settlement file with the books
    payments sandbox      let the sandbox acquirer settle and dispute
    payments fraud        try candidate rules on stored payments
    payments rates        import exchange rates
    payments audit        prove that nobody touched the audit log
    payments vault        look after the keys of the card vault

Every command imports what it needs when it runs, so that `--help` answers at once.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from payments.audit_log import commands as audit_log
from payments.books import commands as books
from payments.devtools import images
from payments.devtools.events import commands as events
from payments.devtools.manifests import commands as manifests
from payments.fraud import commands as fraud
from payments.fx import commands as rates
from payments.reconciliation import commands as reconciliation
from payments.vault import commands as vault

app = typer.Typer(
    name="payments",
    help="The payment platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(books.app)
app.add_typer(audit_log.app)
app.command("inspect")(books.inspect_payment)
app.command("restore-check")(books.check_restored)
app.command()(events.listen)
app.command()(events.trigger)
app.command("reconcile")(reconciliation.reconcile_file)
app.add_typer(reconciliation.sandbox)
app.add_typer(fraud.app)
app.add_typer(images.app)
app.add_typer(manifests.app)
app.add_typer(rates.app)
app.add_typer(vault.app)


@app.command()
def dev() -> None:
    """Run the whole platform on this machine, until Ctrl-C."""
    from payments.devtools.dev import run
    from payments.devtools.workspace import Workspace

    run(Workspace.of_project())


@app.command()
def demo() -> None:
    """Play a payment's whole story against the gateway; starts the platform if it does not run."""
    from payments.devtools.demo import run
    from payments.devtools.workspace import Workspace

    run(Workspace.of_project())


@app.command("dev-reset")
def dev_reset() -> None:
    """Forget everything that the local platform keeps in .dev/."""
    from payments.devtools.reset import run
    from payments.devtools.workspace import Workspace

    typer.echo("Removed .dev/." if run(Workspace.of_project()) else "There is no .dev/.")


@app.command()
def keys(
    folder: Annotated[Path, typer.Argument(help="A new folder, which only you can read.")],
    people_issuer: Annotated[str, typer.Option(help="Issuer of people's tokens: your single sign-on.")],
    people_jwks: Annotated[Path, typer.Option(help="A file with that issuer's public keys (a JWK Set).")],
) -> None:
    """Make the key material of a stage in AWS, for `aws secretsmanager put-secret-value`. No two stages share any."""
    from payments.devtools.stage_keys import create

    for file, secret in create(folder, people_issuer, people_jwks).items():
        typer.echo(f"{file} is for payments/STAGE/{secret}")


@app.command()
def token(
    roles: Annotated[list[str], typer.Argument(help="admin, operations, risk, support, read_only: one or several.")],
    subject: Annotated[str, typer.Option("--as", help="Whose token it is.")] = "developer",
) -> None:
    """Print the token of a person for the platform that `make dev` runs here; its issuer is local."""
    from payments.devtools.errors import ToolError
    from payments.devtools.keys import KeyFiles
    from payments.devtools.workspace import Workspace
    from shared.permissions import ROLES

    known = [role for role in ROLES if role in roles]
    if len(known) != len(set(roles)):
        raise ToolError(f"the roles are {', '.join(ROLES)}")
    keys = KeyFiles(Workspace.of_project().keys)
    keys.create()
    typer.echo(keys.token(*known, subject=subject))


@app.command()
def doctor(
    *,
    aws: Annotated[
        bool, typer.Option("--aws", help="Look at the AWS account that --stage would be deployed to; changes nothing.")
    ] = False,
    stage: Annotated[str | None, typer.Option(help="With --aws: which stage.")] = None,
    compute: Annotated[str | None, typer.Option(help="With --aws: serverless or eks, if not the stage's own.")] = None,
) -> None:
    """Say what is missing on this machine, or in an AWS account, and how to fix it."""
    if aws:
        from payments.devtools.infrastructure import run as run_infrastructure

        if stage is None:
            raise typer.BadParameter("which one? for example --aws --stage development", param_hint="--stage")
        raise typer.Exit(
            run_infrastructure("cdk.doctor", ["--stage", stage, *(["--compute", compute] if compute else [])])
        )
    if stage or compute:
        raise typer.BadParameter("only the account of a stage can be looked at: add --aws", param_hint="--stage")
    from payments.devtools.doctor import run
    from payments.devtools.workspace import Workspace

    raise typer.Exit(0 if run(Workspace.of_project()) else 1)


@app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def cost(context: typer.Context) -> None:
    """Say what a stage costs a month: --stage production, --compare main; --help tells more."""
    from payments.devtools.infrastructure import run

    raise typer.Exit(run("cdk.cost", context.args))


@app.command()
def migrate(
    *,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Change nothing: wait up to five minutes until somebody has. Works as the application's role.",
        ),
    ] = False,
) -> None:
    """Bring the database in PAYMENTS_OWNER_DATABASE_URL up to date, as the role that owns the tables."""
    from payments.devtools import migrate as migrations
    from payments.devtools.settings import read
    from payments.settings import DatabaseSettings, OwnerSettings

    if wait:
        database = read(DatabaseSettings)
        migrations.wait_for_schema(database.connection_info())
    else:
        migrations.migrate(read(OwnerSettings).owner_database_url)


@app.command()
def worker() -> None:
    """Run the background worker, until SIGTERM."""
    from payments.settings import Settings
    from payments.worker import run

    run(Settings())


def main() -> None:
    """Run the command line; what a person can act on is printed as one line, without a traceback."""
    from payments.devtools.errors import ToolError

    try:
        app()
    except ToolError as error:
        typer.secho(f"payments: {error}", err=True, fg="red")
        sys.exit(1)
