"""``python -m sparrow.flow.cli``: the same as the command ``sparrow``."""

import sys

from sparrow.flow.cli import main

sys.exit(main())
