"""What the process that the computing ones are forked from does when it loads this: once, and for all of them.

It loads what plans need, and that of the command, which multiprocessing runs again in each of them under another name.
What pages need takes as long again, and is loaded by each once it can answer (`forecasting.service.warming`). Nothing
is collected meanwhile, nor are these objects looked at ever again, as the documentation of `gc.freeze` has it for
processes that are forked: their memory stays common to all.
"""

import gc
import signal
from importlib import import_module

from features.release import bundled_digest, code_digest

gc.disable()
signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told to the server, which ends these
for module in (
    "typer",
    "forecasting.answers.answering",
    "forecasting.answers.local",
    "forecasting.salvos.ensemble",
    "forecasting.service.workers.work",
    "forecasting.service.warming",
):
    import_module(module)

from forecasting.answers.defences import BUNDLED_DEFENCES, bundled_defence  # noqa: E402 -- nothing is collected by now

for name in BUNDLED_DEFENCES:
    bundled_defence(name)
code_digest()
bundled_digest()
gc.freeze()
