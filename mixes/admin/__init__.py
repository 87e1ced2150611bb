"""Operator's admin: jobs, results, tracks and workers. Results can be viewed, not edited."""

from django.contrib import admin

from mixes.admin.jobs import ArtifactAdmin, MixJobAdmin, WorkerNodeAdmin
from mixes.admin.library import AnalysisJobAdmin, MixAdmin, PreviewAdmin, TrackAdmin, UploadAdmin

__all__ = [
    "AnalysisJobAdmin",
    "ArtifactAdmin",
    "MixAdmin",
    "MixJobAdmin",
    "PreviewAdmin",
    "TrackAdmin",
    "UploadAdmin",
    "WorkerNodeAdmin",
]

admin.site.site_header = admin.site.site_title = "Mixtape"
admin.site.index_title = "Jobs, results and library"
