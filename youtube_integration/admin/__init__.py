"""Admin pages for connected channels and publications."""

from youtube_integration.admin.credentials import PendingRevocationAdmin, YouTubeCredentialAdmin
from youtube_integration.admin.publications import YouTubePublicationAdmin

__all__ = ["PendingRevocationAdmin", "YouTubeCredentialAdmin", "YouTubePublicationAdmin"]
