"""What must be written waits for a database that is away for a moment, such as one that starts again."""

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections, connection

logger = logging.getLogger(__name__)

UNAVAILABLE_ERRORS = (OperationalError, InterfaceError)  # how a database fails that is locked or starts again
MAX_WAIT_S = 120.0
PAUSES_S = (0.2, 1.0, 2.0)

Params = ParamSpec("Params")
Result = TypeVar("Result")


def retry_until_database_answers(transaction: Callable[Params, Result]) -> Callable[Params, Result]:
    """Have `act` done again, on a new connection, until the database answers or has been away for long.

    `act` is one transaction that may be repeated: its commit may have come through and the answer not.
    """

    @functools.wraps(transaction)
    def until_it_answers(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        until_s, tries = time.monotonic() + MAX_WAIT_S, 0
        while True:
            try:
                return transaction(*args, **kwargs)
            except UNAVAILABLE_ERRORS as error:
                if time.monotonic() > until_s or connection.in_atomic_block:  # part of another transaction
                    raise
                logger.warning("The database does not answer, what is to be written waits: %s", error)
            close_old_connections()
            time.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    return until_it_answers
