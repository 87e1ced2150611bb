"""Format of gunicorn's own log messages: one line each, like all others."""

from gunicorn.config import Config
from gunicorn.glogging import Logger

from mixtape_site.logs import LineFormatter


class LineLogger(Logger):
    """gunicorn's `logger_class`; requests are logged by `logs.RequestIdMiddleware`."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(LineFormatter())
