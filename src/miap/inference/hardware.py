"""What this machine can compute with, asked of the system: importing torch to ask takes seconds."""

from pathlib import Path


def has_cuda() -> bool:
    """Whether an NVIDIA driver is loaded."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def has_bf16() -> bool:
    """Whether the processor computes in bf16; emulating it would be slower than fp32."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and ("avx512_bf16" in (text := cpuinfo.read_text()) or "amx_bf16" in text)
