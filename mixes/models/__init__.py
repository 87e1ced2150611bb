"""Database models: tracks and uploads, mixes and their revisions, shows, jobs and their results."""

from mixes.models.jobs import Artifact, MixJob, WorkerNode
from mixes.models.mixes import Mix, MixTrack, Revision
from mixes.models.shares import ShareLink
from mixes.models.show import Show
from mixes.models.tracks import AnalysisJob, Artwork, Preview, Track, Upload

__all__ = [
    "AnalysisJob",
    "Artifact",
    "Artwork",
    "Mix",
    "MixJob",
    "MixTrack",
    "Preview",
    "Revision",
    "ShareLink",
    "Show",
    "Track",
    "Upload",
    "WorkerNode",
]
