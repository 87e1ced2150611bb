"""The site's worker with little patience, so that a test sees slow clients being let go."""

from mixtape_site.connections.worker import PatientWorker


class HastyWorker(PatientWorker):
    head_s = 1.0
    body_s = 2.0
    period_s = 2.0
    most_connections = 40
    most_bodies = 3
