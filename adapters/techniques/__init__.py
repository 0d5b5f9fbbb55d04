"""Techniques: what makes components faster or smaller, declared, put on and taken off."""

from .by_name import TECHNIQUES, technique_of
from .methods.attention_backend import AttentionBackend
from .methods.attention_slicing import AttentionSlicing
from .methods.channels_last import ChannelsLast
from .methods.chunked_feed_forward import ChunkedFeedForward
from .methods.compile import Compile
from .methods.decoding import SlicedDecoding, TiledDecoding
from .methods.freeu import FreeU
from .methods.fused_projections import FusedProjections
from .technique import Technique

__all__ = [
    "TECHNIQUES",
    "AttentionBackend",
    "AttentionSlicing",
    "ChannelsLast",
    "ChunkedFeedForward",
    "Compile",
    "FreeU",
    "FusedProjections",
    "SlicedDecoding",
    "Technique",
    "TiledDecoding",
    "technique_of",
]
