"""`payments doctor --aws` against moto, and stubs where it lacks an API."""

from contextlib import ExitStack
from datetime import date
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from cdk.doctor.look import Look
from cdk.stages import DEVELOPMENT
from tests.cdk.doctor.support import REGION, delegated_to


class Session(boto3.Session):
    """Gives the client that a test has put in the place of a service's."""

    def __init__(self) -> None:
        super().__init__(region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
        self.stubs: dict[str, Any] = {}

    def client(self, service_name: str, *rest: Any, **more: Any) -> Any:
        connect: Any = super().client
        return self.stubs.get(service_name) or connect(service_name, *rest, **more)


@pytest.fixture
def session():
    with mock_aws():
        yield Session()


@pytest.fixture
def stub(session):
    """Return a function that lets a service give these answers, in this order."""
    with ExitStack() as stack:

        def answers(service: str, *given: tuple[str, dict[str, Any] | str]) -> None:
            connect: Any = boto3.client
            client = connect(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
            stubber = stack.enter_context(Stubber(client))
            for operation, answer in given:
                if isinstance(answer, str):
                    stubber.add_client_error(operation, answer)
                else:
                    stubber.add_response(operation, answer)
            session.stubs[service] = client

        yield answers


@pytest.fixture
def look(session):
    def make(stage=DEVELOPMENT, name_servers=None) -> Look:
        return Look(stage, session, name_servers or delegated_to(), date(2026, 12, 1))

    return make
