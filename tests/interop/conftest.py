"""A real Orthanc for as long as the tests of a module run."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Orthanc:
    """A running archive: where it listens for DICOM and for HTTP, on this machine alone."""

    dicom_port: int
    http_port: int

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """GET a resource, or POST to it."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/{path}", data=body)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
        return content

    def json(self, path: str, body: bytes | None = None) -> Any:
        return json.loads(self.ask(path, body))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc in a folder of its own, ended with the module; skips where it is not installed."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("Orthanc (Debian package orthanc) is not installed")
    folder = tmp_path_factory.mktemp("orthanc")
    server = Orthanc(free_port(), free_port())
    settings = {
        "Name": "MIAP-TEST",
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "Plugins": [],
        "DicomPort": server.dicom_port,
        "DicomAet": "ORTHANC",
        "HttpPort": server.http_port,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "UnknownSopClassAccepted": True,
        "HttpDescribeErrors": True,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
        try:
            _await(server, process, folder / "log")
            yield server
        finally:
            process.terminate()
            process.wait(30)


def _await(server: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        try:
            server.ask("system")
            return
        except OSError:
            assert process.poll() is None, f"Orthanc ended: {log.read_text()[-2000:]}"
            time.sleep(0.1)
    raise TimeoutError("Orthanc does not answer")
