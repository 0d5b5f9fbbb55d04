"""Where the modules of the corpus are found."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
