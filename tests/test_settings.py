"""Settings: the environment over ``miap.toml`` over the defaults, and nothing unknown."""

import os
from pathlib import Path

import pytest

from miap.cli.site import site_settings
from miap.errors import UsageError
from miap.settings import Settings


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no variable of this machine's own."""
    for name in [name for name in os.environ if name.upper().startswith("MIAP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_word_everything_has_a_default() -> None:
    settings = site_settings()
    assert (settings.device, settings.backend, settings.precision) == ("auto", "auto", "auto")
    assert settings.models == ()
    assert settings.cache.name == "miap"


def test_the_file_is_over_the_defaults_and_the_environment_over_the_file(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "miap.toml").write_text('device = "cuda"\nmemory_gb = 4\nmodels = ["/a", "/b"]\n')
    monkeypatch.setenv("MIAP_DEVICE", "cpu")
    settings = site_settings()
    assert (settings.device, settings.memory_gb) == ("cpu", 4)
    assert settings.models == (Path("/a"), Path("/b"))
    assert Settings(device="auto").device == "auto", "an argument is over both"


@pytest.mark.parametrize(
    ("value", "folders"),
    [
        ("/models", ["/models"]),
        (f"/models{os.pathsep}more", ["/models", "more"]),
        ('["/models", "/more"]', ["/models", "/more"]),
        ("", []),
        (f"/models{os.pathsep}", ["/models"]),
    ],
)
def test_folders_are_written_as_in_path_or_as_json(
    value: str, folders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIAP_MODELS", value)
    assert site_settings().models == tuple(map(Path, folders))


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("MIAP_DEVICE", "tpu", "'cpu' or 'cuda'"),
        ("MIAP_BACKEND", "tensorrt", "'openvino'"),
        ("MIAP_PRECISION", "int8", "'bf16' or 'fp32'"),
        ("MIAP_MEMORY_GB", "much", "valid number"),
        ("MIAP_MEMORY_GB", "-1", "greater than or equal to 0"),
        ("MIAP_MODELS", '["/models"', "delimiter"),
        ("miap_device", "tpu", "'cpu' or 'cuda'"),
    ],
)
def test_a_wrong_value_is_refused_with_the_variables_name(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError) as refused:
        site_settings()
    assert f"{variable.upper()}={value} cannot be used" in refused.value.message
    assert reason in refused.value.message
    assert refused.value.remedy


@pytest.mark.req("REQ-NF-R-002")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('device = "tpu"', "device in miap.toml cannot be used"),
        ('devise = "cpu"', "devise in miap.toml cannot be used: there is no such setting"),
        ("device = cpu", "miap.toml is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entrys_name(content: str, reason: str, site: Path) -> None:
    (site / "miap.toml").write_text(content)
    with pytest.raises(UsageError, match=reason):
        site_settings()


def test_every_mistake_is_told_at_once(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "miap.toml").write_text('precision = "int8"')
    monkeypatch.setenv("MIAP_DEVICE", "tpu")
    with pytest.raises(UsageError, match=r"MIAP_DEVICE=tpu .* precision in miap\.toml"):
        site_settings()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")
