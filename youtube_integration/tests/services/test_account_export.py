"""The account export contains publications, without tokens or session URLs."""

import io
import json
import zipfile

from django.urls import reverse

from youtube_integration.tests.publications import make_publication

TABLE = "youtube_integration_youtubepublication.json"


def test_the_export_has_publications_and_no_secret(credential, as_alice):
    make_publication(credential, size=1, sealed_session="gAAAA-session", video_id="v-alice")
    answer = as_alice.post(reverse("accounts:export"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        (video,) = json.loads(archive.read(TABLE))
        everything = b"".join(map(archive.read, archive.namelist()))
    assert (video["video_id"], video["channel_title"]) == ("v-alice", credential.channel_title)
    assert b"gAAAA" not in everything
