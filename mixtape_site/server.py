"""gunicorn's configuration (`gunicorn -c python:mixtape_site.server mixtape_site.wsgi`)."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
bind = f"{settings.BIND}:{settings.PORT}"
# One process: sign-in rate limits are in its memory. Threads wait for slow clients at little cost.
workers = 1
worker_class = "gthread"
threads = 24
keepalive = 10
graceful_timeout = 10
control_socket_disable = True
proc_name = "mixtape"
logger_class = "mixtape_site.gunicorn_logs.LineLogger"
