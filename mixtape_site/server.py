"""gunicorn's configuration (`gunicorn -c python:mixtape_site.server mixtape_site.wsgi`)."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
bind = f"{settings.BIND}:{settings.PORT}"
# One process: sign-in rate limits are in its memory. Its threads make answers, its loop waits for clients.
workers = 1
worker_class = "mixtape_site.connections.worker.PatientWorker"
threads = 24
worker_connections = 2000
keepalive = 10
graceful_timeout = 10
control_socket_disable = True
proc_name = "mixtape"
logger_class = "mixtape_site.gunicorn_logs.LineLogger"
