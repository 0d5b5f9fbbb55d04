"""Where components lie: devices, memory, placement."""
