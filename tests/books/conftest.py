"""The same service and merchants as the tests of payments."""

from tests.payments.conftest import key_folder, merchant, service

__all__ = ["key_folder", "merchant", "service"]
