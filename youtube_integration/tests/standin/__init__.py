"""A stand-in for Google on loopback: OAuth, OpenID and YouTube's API, with injectable faults."""

from youtube_integration.tests.standin.server import StandIn
from youtube_integration.tests.standin.state import CLIENT_ID, CLIENT_SECRET, Fault

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Fault", "StandIn"]
