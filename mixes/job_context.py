"""Id of the job this thread works on, for log lines."""

from contextvars import ContextVar

job_id: ContextVar[str] = ContextVar("job_id", default="-")
