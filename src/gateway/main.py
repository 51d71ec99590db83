"""Where the server finds the gateway: ``python -m shared.serving gateway.main:app_factory``."""

from gateway.container import build
from gateway.edge import Edge
from gateway.settings import Settings
from shared import logs


def app_factory() -> Edge:
    """Return the gateway that the environment describes."""
    settings = Settings()
    logs.configure("gateway", settings.log_format)
    return build(settings)
