"""Settings from files: what must not be in the environment is mounted into a folder, one file a setting."""

import os

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource


class SecretFiles(BaseSettings):
    """Settings that also read files named after them, `payments_redis_url`, from the folder in `PAYMENTS_SECRETS_DIR`.

    The environment comes first: what is set there is not read from a file.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the folder to where settings come from."""
        del dotenv_settings, file_secret_settings
        folder = os.environ.get(f"{settings_cls.model_config.get('env_prefix', '')}SECRETS_DIR")
        files = (SecretsSettingsSource(settings_cls, secrets_dir=folder),) if folder else ()
        return init_settings, env_settings, *files
