"""What an author of blocks tests them with: `check_block(MyBlock)`."""

from .block_check import check_block
from .block_report import BlockFault, BlockFaultsError, BlockReport

__all__ = ["BlockFault", "BlockFaultsError", "BlockReport", "check_block"]
