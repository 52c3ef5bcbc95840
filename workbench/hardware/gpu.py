"""GPUs, read through NVML with cached handles. No driver: no GPU, no error. What a card does not tell is None."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

_BACKENDS = ("cuda", "hip", "vulkan")
_FIRST_NAMESPACE = "pid:[4026531836]"  # Linux's PROC_PID_INIT_INO: the machine's own process ids, not a container's

Workers = Mapping[int, int]  # our workers' process ids, and the bytes of VRAM that loading took (0: none, or unknown)
NONE: Workers = MappingProxyType({})


@dataclass(frozen=True)
class Gpu:
    """A device: use in percent, memory in bytes, temperature in °C, power and its limit in watts.

    `memory_ours` is what our workers have of `memory_used`. `shared`: the memory is the machine's own (Apple).
    """

    name: str
    use: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None = None
    power_limit: float | None = None
    memory_ours: int | None = None
    shared: bool = False

    @property
    def memory_share(self) -> float:
        """0…1 of its memory that is in use; 0 when it does not say."""
        return (self.memory_used or 0) / self.memory_total if self.memory_total else 0.0


@dataclass(frozen=True)
class _Card:
    handle: Any
    name: str
    limit: float | None  # watts, as it was when the card was found


class Nvidia:
    """The NVIDIA devices. NVML is loaded at the first reading; `nvml` stands in for it in tests."""

    def __init__(self, nvml: Any = None, *, root: Path = Path("/")) -> None:
        self._nvml = nvml
        self._root = root
        self._cards: list[_Card] | None = None
        self._translated = False

    def read(self, ours: Workers = NONE) -> tuple[Gpu, ...]:
        """Each device as it is now; takes milliseconds: call it in a thread."""
        if self._cards is None:
            self._cards = self._open()
            self._translated = _in_container(self._root)
        return tuple(self._gpu(card, ours) for card in self._cards)

    def _open(self) -> list[_Card]:
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
                limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
                shown = _short(name.decode() if isinstance(name, bytes) else str(name))
                found.append(_Card(handle, shown, None if limit is None else limit / 1000))
        return found

    def _gpu(self, card: _Card, ours: Workers) -> Gpu:
        nvml, handle = self._nvml, card.handle
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        heat = self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        return Gpu(
            card.name,
            None if rates is None else float(rates.gpu),
            None if memory is None else int(memory.used),
            None if memory is None else int(memory.total),
            None if heat is None else float(heat),
            None if power is None else power / 1000,
            card.limit,
            self._ours(handle, ours),
        )

    def _ours(self, handle: Any, ours: Workers) -> int | None:
        """Bytes that processes of ours have on the device; None when that cannot be known.

        NVML names processes as the machine does: in a container none may look like ours although it is. Where there is
        one card only, what loading took stands in.
        """
        if not ours:
            return 0
        running = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle)
        sizes = [process.usedGpuMemory for process in running or () if process.pid in ours]
        if running is not None and None not in sizes and (sizes or not self._translated):
            return int(sum(sizes))
        return (sum(ours.values()) or None) if len(self._cards or ()) == 1 else None

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """One NVML call; None where this card or driver does not support it."""
        try:
            return call(*arguments)
        except self._nvml.NVMLError:
            return None


def _in_container(root: Path) -> bool:
    """Whether process ids here are others than the machine's."""
    try:
        return os.readlink(root / "proc/self/ns/pid") != _FIRST_NAMESPACE
    except OSError:
        return False  # no Linux


def _short(name: str) -> str:
    """`NVIDIA H100 80GB HBM3` → `H100`."""
    words = [word for word in name.replace("NVIDIA", "").replace("GeForce", "").split() if word]
    return " ".join(words[:2]) if words and not words[0][-1:].isdigit() else words[0] if words else "GPU"


def offload_built() -> bool:
    """Whether the llama.cpp that is installed here puts layers on cards, told by its files without loading it.

    Built for CUDA, HIP or Vulkan. Metal is none: there the card's memory is the machine's.
    """
    from importlib.util import find_spec

    try:
        spec = find_spec("llama_cpp")
    except (ImportError, ValueError):
        return False
    folders = spec.submodule_search_locations if spec else None
    return any(any(Path(folder).glob(f"lib/*ggml-{kind}*")) for folder in folders or () for kind in _BACKENDS)
