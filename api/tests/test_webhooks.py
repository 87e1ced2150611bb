"""Webhooks: signed messages, retries, receivers that misbehave, and addresses that nothing is sent to."""

import contextlib
import json
import socket
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core import mail
from django.utils import timezone

from api.jobs import webhook_job
from api.models import WebhookDelivery, WebhookEndpoint
from api.services import webhook_post, webhooks
from api.services.webhook_targets import BadTarget, is_public, read_target, resolve
from api.tests.test_protocol import check_problem, send
from mixes.jobs import analysis_job, mix_job
from mixes.jobs.runner import run_claimed
from mixes.leases import State
from mixes.models import Track
from mixes.queues import HOOKS, served_queues
from mixes.services import events
from mixes.services.limits import LimitReached
from mixes.tasks import KINDS, claim_best
from mixes.tests.factories import make_job_row, make_mix_row, make_track_row
from youtube_integration.models import YouTubePublication

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.WEBHOOKS = True


class Receiver(ThreadingHTTPServer):
    """A receiver on this machine that answers as it is set to, and keeps what it got."""

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.got = list(answers), []
        self.released = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if answer == "hang":
            self.server.released.wait(10)
        elif answer == "drip":
            with contextlib.suppress(OSError):
                while not self.server.released.wait(0.05):
                    self.wfile.write(b"H")
                    self.wfile.flush()
        elif answer == "garbage":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
        elif answer != "cut":
            self.send_response(answer)
            if answer in (301, 302, 307, 308):
                self.send_header("Location", self.server.url)
            self.end_headers()

    def log_message(self, *args):
        """Keep quiet."""


@pytest.fixture
def receive(settings):
    settings.WEBHOOKS_PRIVATE = True
    with contextlib.ExitStack() as stack:

        def start(*answers):
            receiver = Receiver(answers)
            threading.Thread(
                target=receiver.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
            ).start()
            stack.callback(receiver.shutdown)
            stack.callback(receiver.released.set)
            return receiver

        yield start


def work():
    """Run what is due in the queue, as the worker does; return the states."""
    states = []
    while claimed := claim_best(HOOKS):
        kind, job, token = claimed
        states.append(run_claimed(kind, job.pk, token, beats=False))
    return states


def make_due():
    WebhookDelivery.objects.filter(state=State.QUEUED).update(
        not_before=timezone.now() - timedelta(seconds=1)
    )


# Messages


def test_the_signature_is_that_of_the_standard():
    """The example of the Standard Webhooks specification."""
    secret, message_id = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = webhooks.sign(secret, message_id, 1614265330, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_message_arrives_once_and_signed(alice, receive):
    receiver = receive(204)
    endpoint, secret = webhooks.create_endpoint(alice, receiver.url, ["job.done"])
    job = make_job_row(make_mix_row(alice, "Nächte"), State.DONE)
    events.tell(events.job_done, job=job)
    assert work() == [State.DONE] and work() == []
    ((path, headers, body),) = receiver.got
    assert path == "/hook?a=b"
    assert json.loads(body)["data"]["title"] == "Nächte"
    assert (json.loads(body)["type"], json.loads(body)["data"]["job"]) == ("job.done", str(job.pk))
    sent_at = int(headers["webhook-timestamp"])
    assert abs(sent_at - timezone.now().timestamp()) < 60
    assert headers["webhook-signature"] == webhooks.sign(
        secret, headers["webhook-id"], sent_at, body.decode()
    )
    assert headers["webhook-id"] == f"msg_{endpoint.deliveries.get().pk.hex}"


def test_only_wanted_events_of_the_owner_are_told(alice, bob, settings):
    for user, wanted in ((alice, ["job.failed"]), (bob, list(webhooks.EVENTS))):
        webhooks.create_endpoint(user, "https://hooks.example.org/", wanted)
    job = make_job_row(make_mix_row(alice), State.FAILED)
    events.tell(events.job_done, job=job)
    assert not WebhookDelivery.objects.exists()
    events.tell(events.job_failed, job=job, sentence="The disk is full.")
    (row,) = WebhookDelivery.objects.all()
    assert (row.owner, row.event, json.loads(row.body)["data"]["error"]) == (
        alice,
        "job.failed",
        "The disk is full.",
    )
    settings.WEBHOOKS = False
    events.tell(events.job_failed, job=job, sentence="x")
    assert WebhookDelivery.objects.count() == 1


def test_jobs_tell_what_they_did(alice):
    webhooks.create_endpoint(alice, "https://hooks.example.org/", webhooks.EVENTS)
    failed = make_job_row(make_mix_row(alice), State.FAILED)
    mix_job.on_failure(failed, State.FAILED, "The disk is full.")
    mix_job.on_failure(failed, State.CANCELLED, "")
    track = make_track_row(alice, state=Track.State.ANALYSING)
    analysis = track.analyses.create(owner=alice, version=1, queue="short")
    analysis_job.on_failure(analysis, State.FAILED, "It is silent.")
    live = YouTubePublication(owner=alice, title="Nights", video_id="abc", queue="publish")
    events.tell(events.publication_live, publication=live)
    told = {row.event: json.loads(row.body)["data"] for row in WebhookDelivery.objects.all()}
    assert set(told) == {"job.failed", "track.refused", "publication.live"}
    assert WebhookDelivery.objects.count() == 3
    assert (told["track.refused"]["track"], told["track.refused"]["problem"]) == (
        str(track.pk),
        "It is silent.",
    )
    assert told["publication.live"]["url"] == "https://youtu.be/abc"


def test_a_webhook_that_fails_to_be_queued_stops_no_job(alice, monkeypatch):
    def fail(*args):
        raise RuntimeError

    monkeypatch.setattr("api.events.announce", fail)
    job = make_job_row(make_mix_row(alice), State.FAILED)
    mix_job.on_failure(job, State.FAILED, "The disk is full.")  # does not raise


# Receivers that misbehave


def test_a_message_is_sent_again_until_it_is_taken(alice, receive):
    receiver = receive(500, 503, 200)
    webhooks.send_test(webhooks.create_endpoint(alice, receiver.url, ["job.done"])[0])
    pauses = []
    for _ in range(3):
        before = timezone.now()
        work()
        row = WebhookDelivery.objects.get()
        pauses.append(row.not_before and round((row.not_before - before).total_seconds()))
        make_due()
    assert pauses[:2] == [5, 30]
    assert (row.state, row.tries, row.status, row.attempt) == (State.DONE, 3, 200, 1)
    assert len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 1
    assert len(receiver.got) == 3


@pytest.mark.parametrize("way", [302, 307, 404, "hang", "drip", "garbage", "cut"])
def test_what_is_no_answer_is_tried_again(way, alice, receive, monkeypatch):
    monkeypatch.setattr(webhook_post, "TIME_S", 0.4)
    receiver = receive(way)
    webhooks.send_test(webhooks.create_endpoint(alice, receiver.url, ["job.done"])[0])
    begun_s = time.monotonic()
    assert work() == [State.QUEUED]
    assert time.monotonic() - begun_s < 5  # a receiver that hangs would hold the worker for 10 s
    row = WebhookDelivery.objects.get()
    assert (row.tries, len(receiver.got)) == (1, 1)  # a redirect is not followed
    assert row.message.startswith("It ")


def test_a_receiver_that_never_takes_it_is_switched_off_with_a_mail(alice, receive, settings):
    settings.HAS_MAIL = True
    receiver = receive(500)
    endpoint, _secret = webhooks.create_endpoint(alice, receiver.url, ["job.done"])
    webhooks.send_test(endpoint)
    for _ in range(len(webhook_job.PAUSES_S)):
        assert work() == [State.QUEUED]
        make_due()
    webhooks.send_test(endpoint)  # another one, which waits
    WebhookDelivery.objects.filter(tries=0).update(not_before=timezone.now() + timedelta(hours=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.db.transaction.on_commit", lambda do, **options: do())
        assert work() == [State.FAILED]
    endpoint.refresh_from_db()
    assert (endpoint.is_on, endpoint.problem) == (False, "It answered with 500 instead of 200.")
    assert len(receiver.got) == len(webhook_job.PAUSES_S) + 1
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["cancelled", "failed"]
    assert [(one.to, endpoint.url in one.body) for one in mail.outbox] == [([alice.email], True)]
    events.tell(events.job_done, job=make_job_row(make_mix_row(alice), State.DONE))
    assert work() == []


def test_a_receiver_that_is_gone_is_switched_off_at_once(alice, receive):
    endpoint, _secret = webhooks.create_endpoint(alice, receive(410).url, ["job.done"])
    webhooks.send_test(endpoint)
    assert work() == [State.FAILED]
    endpoint.refresh_from_db()
    assert not endpoint.is_on


def test_an_ended_message_is_sent_again_with_its_id(alice, as_alice, receive):
    receiver = receive(200)
    endpoint, _secret = webhooks.create_endpoint(alice, receiver.url, ["job.done"])
    webhooks.send_test(endpoint)
    work()
    row = WebhookDelivery.objects.get()
    as_alice.post(f"/account/access/webhooks/{endpoint.pk}/{row.pk}/again/")
    assert not webhooks.send_again(row)  # it is queued already
    assert work() == [State.DONE]
    assert (
        len({headers["webhook-id"] for _path, headers, _body in receiver.got}) == 1 and len(receiver.got) == 2
    )


def test_old_messages_are_deleted(alice):
    webhooks.send_test(webhooks.create_endpoint(alice, "https://hooks.example.org/", ["job.done"])[0])
    WebhookDelivery.objects.update(state=State.DONE, finished_at=timezone.now() - timedelta(days=31))
    webhook_job.clean_up()
    assert not WebhookDelivery.objects.exists()


# Addresses

PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
    *("::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "::"),
    *("2002:7f00:1::", "224.0.0.1", "ff02::1", "255.255.255.255", "fe80::1%eth0", "2001:db8::1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_gets_nothing(address, monkeypatch):
    assert not is_public(address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443)), (family, 1, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    with pytest.raises(BadTarget):
        resolve(read_target("https://trick.example.org/"))


def test_a_public_address_is_the_one_connected_to(monkeypatch):
    looked = []

    def look(*args, **options):
        looked.append(args)
        return [(socket.AF_INET, 1, 6, "", ("93.184.216.34", 443))]

    def connect(place, timeout):
        raise ConnectionRefusedError(111, str(place))

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError, match=r"\('93.184.216.34', 443\)"):
        webhook_post.post(read_target("https://hooks.example.org/"), b"", {})
    assert len(looked) == 1  # a second look could give another address


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example.org/",
            "ftp://example.org/",
            "//example.org/",
            "hooks",
            "https://",
            "https:///x",
        ),
        *(
            "https://a:b@example.org/",
            "https://example.org:99999/",
            "https://example.org/\r\nX: y",
            "https://[::1/",
        ),
        *(
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://example.org/ä",
            "https://exa mple.org/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
        ),
    ],
)
def test_what_is_no_public_address_is_refused_when_it_is_added(url, alice, by_alice):
    with pytest.raises(LimitReached):
        webhooks.create_endpoint(alice, url, ["job.done"])
    check_problem(send(by_alice, "POST", "/webhooks", {"url": url, "events": ["job.done"]}), 409, "refused")
    assert not WebhookEndpoint.objects.exists()


def test_loopback_is_reached_only_where_the_operator_allows_it(alice, receive, settings):
    receiver = receive(200)
    webhooks.send_test(webhooks.create_endpoint(alice, receiver.url, ["job.done"])[0])
    settings.WEBHOOKS_PRIVATE = False
    assert work() == [State.QUEUED]
    WebhookEndpoint.objects.update(url=receiver.url.replace("http:", "https:"))
    make_due()
    assert work() == [State.QUEUED] and receiver.got == []
    assert "private network" in WebhookDelivery.objects.get().message


# Pages and secrets


def test_the_secret_is_shown_once_and_stored_sealed(as_alice, alice):
    page = as_alice.post(
        "/account/access/webhooks/", {"url": "https://h.example.org/", "events": ["job.done"]}
    )
    endpoint = WebhookEndpoint.objects.get()
    secret = webhooks.secret_of(endpoint)
    assert secret.startswith("whsec_") and secret in page.content.decode()
    assert secret not in as_alice.get("/account/access/webhooks/").content.decode()
    assert secret not in as_alice.get(f"/account/access/webhooks/{endpoint.pk}/").content.decode()
    assert secret not in str(WebhookEndpoint.objects.values())


def test_the_page_shows_what_became_of_messages(as_alice, alice, receive):
    endpoint, _secret = webhooks.create_endpoint(alice, receive(500).url, ["job.done"])
    webhooks.send_test(endpoint)
    work()
    page = as_alice.get(f"/account/access/webhooks/{endpoint.pk}/").content.decode()
    assert "It answered with 500 instead of 200." in page and "1 try" in page
    as_alice.post(f"/account/access/webhooks/{endpoint.pk}/", {"off": "1"})
    endpoint.refresh_from_db()
    assert not endpoint.is_on and WebhookDelivery.objects.get().state == State.CANCELLED
    as_alice.post(f"/account/access/webhooks/{endpoint.pk}/", {"on": "1"})
    endpoint.refresh_from_db()
    assert endpoint.is_on


def test_the_queue_is_served_only_where_webhooks_are_on(settings):
    assert HOOKS in served_queues() and KINDS[HOOKS] == (webhook_job.KIND,)
    settings.WEBHOOKS = False
    assert HOOKS not in served_queues()
