"""Settings: ``MIAP_*`` variables over ``miap.toml`` in the working folder over these defaults."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_cache_path
from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Settings(BaseSettings):
    """Everything a site may set. Each field is a ``MIAP_`` variable, for example ``MIAP_DEVICE=cpu``."""

    model_config = SettingsConfigDict(env_prefix="MIAP_", toml_file="miap.toml", extra="forbid")

    models: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders to look for bundles in, before the starter models; in a variable as PATH has them."
    )
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

    @field_validator("models", mode="before")
    @classmethod
    def _folders(cls, value: Any) -> Any:
        """Folders from one string: separated as in ``PATH``, or a JSON list."""
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.startswith("[") else [folder for folder in value.split(os.pathsep) if folder]

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
