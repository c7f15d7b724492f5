"""Settings: ``MIAP_*`` variables over ``miap.toml`` in the working folder over these defaults."""

from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path
from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class Settings(BaseSettings):
    """Everything a site may set. Each field is a ``MIAP_`` variable, for example ``MIAP_DEVICE=cpu``."""

    model_config = SettingsConfigDict(env_prefix="MIAP_", toml_file="miap.toml", extra="ignore")

    models: tuple[Path, ...] = Field((), description="Folders to look for bundles in, before the starter models.")
    cache: Path = Field(
        default_factory=lambda: user_cache_path("miap"),
        description="Folder for what can be made again: models converted for this processor.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where networks run.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="What runs networks; auto is OpenVINO on CPUs and torch on GPUs."
    )
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="Precision of inference; auto is bf16 where the processor has it."
    )
    memory_gb: float = Field(
        0, ge=0, description="Memory one inference pass may use, GB; 0 is half of what is free when it starts."
    )
    shared_data: Path | None = Field(None, description="Folder of the scans named by the starter recipes' datalists.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
