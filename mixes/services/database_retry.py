"""Retry a transaction while the database is locked or restarting."""

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection

logger = logging.getLogger(__name__)

UNAVAILABLE_ERRORS = (OperationalError, InterfaceError)  # raised while the database is locked or restarting
MAX_WAIT_S = 120.0
PAUSES_S = (0.2, 1.0, 2.0)

Params = ParamSpec("Params")
Result = TypeVar("Result")


def retry_until_database_answers(transaction: Callable[Params, Result]) -> Callable[Params, Result]:
    """Repeat `transaction` on a new connection until the database answers, for up to MAX_WAIT_S.

    `transaction` must be safe to repeat: its commit may have succeeded although the response was lost. Raises
    the last error after MAX_WAIT_S, or at once inside another transaction.
    """

    @functools.wraps(transaction)
    def until_it_answers(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        until_s, tries = time.monotonic() + MAX_WAIT_S, 0
        while True:
            try:
                return transaction(*args, **kwargs)
            except UNAVAILABLE_ERRORS as error:
                if time.monotonic() > until_s or connection.in_atomic_block:  # inside an outer transaction
                    raise
                logger.warning("The database does not answer; retrying the transaction: %s", error)
            close_old_connections()
            time.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    return until_it_answers
