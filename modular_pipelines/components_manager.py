"""The names of diffusers' module of the same name."""

from ..registry import ComponentsManager
from ..registry.devices.offload_strategy import AutoOffloadStrategy

__all__ = ["AutoOffloadStrategy", "ComponentsManager"]
