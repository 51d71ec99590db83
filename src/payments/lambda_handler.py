"""Payments alone as a Lambda function, for those who run the gateway elsewhere."""

from starlette.types import ASGIApp

from payments.container import Container
from payments.main import create_app
from payments.metrics import CATALOGUE
from payments.settings import Settings
from shared.lambda_secrets import write_secret_files
from shared.metrics import Registry
from shared.serverless import HttpFunction


async def build_payments(registry: Registry) -> ASGIApp:
    """Return payments, ready to answer."""
    write_secret_files()
    container = Container(Settings(), serverless=True, registry=registry)
    await container.open()
    return create_app(container)


handler = HttpFunction(build_payments, CATALOGUE)
