"""What a function is given: keys of its own, and the settings that the stack would put into its environment."""

import pytest

from tests.contract.places import environment, key_files


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return key_files(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def settings(database, redis_url, keys):
    return environment(database, redis_url, keys)
