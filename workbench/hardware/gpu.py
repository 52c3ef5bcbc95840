"""GPUs, read through NVML with cached handles. No driver: no GPU, no error. What a card does not tell is None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gpu:
    """A device: use in percent, memory in bytes, temperature in °C."""

    name: str
    use: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None


class Nvidia:
    """The NVIDIA devices. NVML is loaded at the first reading; `nvml` stands in for it in tests."""

    def __init__(self, nvml: Any = None) -> None:
        self._nvml = nvml
        self._handles: list[tuple[Any, str]] | None = None

    def read(self) -> tuple[Gpu, ...]:
        """Each device as it is now; takes milliseconds, so call it in a thread."""
        if self._handles is None:
            self._handles = self._open()
        return tuple(self._gpu(handle, name) for handle, name in self._handles)

    def _open(self) -> list[tuple[Any, str]]:
        if self._nvml is None:
            try:
                import pynvml
            except ImportError:
                return []
            self._nvml = pynvml
        nvml = self._nvml
        try:
            nvml.nvmlInit()
            count = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError:
            return []  # no driver, no device, no permission
        found = []
        for index in range(count):
            handle = self._ask(nvml.nvmlDeviceGetHandleByIndex, index)
            if handle is not None:
                name = self._ask(nvml.nvmlDeviceGetName, handle) or "GPU"
                found.append((handle, _short(name.decode() if isinstance(name, bytes) else str(name))))
        return found

    def _gpu(self, handle: Any, name: str) -> Gpu:
        nvml = self._nvml
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        heat = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        return Gpu(
            name,
            None if rates is None else float(rates.gpu),
            None if memory is None else int(memory.used),
            None if memory is None else int(memory.total),
            None if heat is None else float(heat),
        )

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """One NVML call; None where this card or driver does not support it."""
        try:
            return call(*arguments)
        except self._nvml.NVMLError:
            return None


def _short(name: str) -> str:
    """`NVIDIA H100 80GB HBM3` → `H100`."""
    words = [word for word in name.replace("NVIDIA", "").replace("GeForce", "").split() if word]
    return " ".join(words[:2]) if words and not words[0][-1:].isdigit() else words[0] if words else "GPU"


def offload_built() -> bool:
    """Whether the llama.cpp that is installed here was built for NVIDIA, told by its files without loading it."""
    from importlib.util import find_spec

    try:
        spec = find_spec("llama_cpp")
    except (ImportError, ValueError):
        return False
    folders = spec.submodule_search_locations if spec else None
    return any(any(Path(folder).glob("lib/*ggml-cuda*")) for folder in folders or ())
