"""Names of the hooks with which diffusers brings a model's layers to a device (`diffusers/hooks/group_offloading.py`, 0.42.1)."""

HOOKS = "_diffusers_hook"
"""Under which hooks of diffusers lie on a module, those and others: layers that are stored in fewer bits are cast by one, too."""
GROUP_OFFLOAD = "group_offloading"
PLACING = frozenset({GROUP_OFFLOAD, "lazy_prefetch_group_offloading", "layer_execution_tracker"})
"""Those that say where layers are, and change nothing of what they compute."""
