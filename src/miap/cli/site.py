"""The site's settings, as commands ask for them."""

import os
import tomllib
from typing import TYPE_CHECKING, Any

from miap.errors import UsageError

if TYPE_CHECKING:
    from miap.settings import Settings


def site_settings() -> "Settings":
    """The settings.

    Raises:
        UsageError: One of them cannot be used; the message names the variable or the entry of ``miap.toml``.
    """
    from pydantic import ValidationError

    from miap.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        raise UsageError(
            " ".join(_problem(dict(one)) for one in error.errors()),
            remedy="Mend or remove it.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"miap.toml is not TOML: {error}.", remedy="Mend or remove it.") from error


def _problem(error: dict[str, Any]) -> str:
    name = str(error["loc"][0])
    variable = f"MIAP_{name.upper()}"
    given = {key.upper(): value for key, value in os.environ.items()}
    where = f"{variable}={given[variable]}" if variable in given else f"{name} in miap.toml"
    reason = "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{where} cannot be used: {reason}."
