"""What plans rest on, learned by processes of their own while a server loads what it answers with.

Each learns a part and keeps it in the home, where those that compute find it (`forecasting.registry.learned`); they
wait for one that is being learned. In a home that cannot be written to they learn it themselves. What a part needs it
imports itself: it has been loaded in the process that it is forked from, and the server is not to wait for it.
"""

import gc
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from threading import Thread


def learn_ahead(context: ForkServerContext) -> None:
    """Begins to learn, each part in a process of its own, and returns at once. context: what they are forked from."""
    for part in (_fit, _calibrate):
        Thread(target=_run, args=(context, part), daemon=True).start()


def _run(context: ForkServerContext, part: Callable[[], object]) -> None:
    process = context.Process(target=_quietly, args=(part,), daemon=True)
    process.start()
    process.join()


def _quietly(part: Callable[[], object]) -> None:
    """Whatever fails here, who asks for a plan is told."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server is told, and ends this process
    with suppress(Exception):
        from forecasting.service.workers import work

        work.begin()
        gc.disable()  # it ends in a second or two
        part()


def _fit() -> None:
    """The model that serves, as this machine knows it without the registry."""
    from forecasting.answers.context import AnswerContext
    from forecasting.answers.request import PlanRequest
    from forecasting.registry import Champion, Registry
    from forecasting.service.workers import work
    from forecasting.service.workers.champions import DEFAULT_SERIES

    known = Registry.open().last_known_champion(*DEFAULT_SERIES)
    work.current_answerer().prepared(PlanRequest(), AnswerContext(champion=Champion.of(known) if known else None))


def _calibrate() -> None:
    """What the record of losses says of the defence, after the server and the model, which takes longer."""
    os.nice(5)
    from forecasting.answers.context import AnswerContext
    from forecasting.answers.request import PlanRequest
    from forecasting.service.workers import work

    work.current_answerer().calibrated(PlanRequest(), AnswerContext())
