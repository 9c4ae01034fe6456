"""The thin asyncio service that carries frames, text and decisions. It imports no model and no model runtime."""

import os

# Before numpy is loaded: the matrices here are tiny, and threads for them would only wait for each other in the tick.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
