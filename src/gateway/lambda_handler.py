"""The whole platform as one Lambda function: the gateway, with payments in the same process."""

from starlette.types import ASGIApp

from gateway.container import build
from gateway.in_process import InProcess
from gateway.metrics import CATALOGUE
from gateway.settings import Settings
from payments.container import Container
from payments.main import create_app
from payments.metrics import CATALOGUE as PAYMENTS_CATALOGUE
from payments.settings import Settings as PaymentsSettings
from shared.lambda_secrets import write_secret_files
from shared.metrics import Registry
from shared.serverless import HttpFunction


async def build_platform(registry: Registry) -> ASGIApp:
    """Return both services as one application that is ready to answer."""
    write_secret_files()
    container = Container(PaymentsSettings(), serverless=True, registry=registry)
    await container.open()
    return build(Settings(), upstream=InProcess(create_app(container)), registry=registry)


handler = HttpFunction(build_platform, (*CATALOGUE, *PAYMENTS_CATALOGUE))
