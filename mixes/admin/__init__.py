"""The operator's view: what runs, what was made, what lies where. Results are read, never edited."""

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
