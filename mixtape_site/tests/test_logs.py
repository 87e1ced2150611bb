"""Log messages: one line each, with their ids, without secrets."""

import logging
import logging.config
import sys

import pytest
from django.urls import reverse

from mixes.job_context import job_id
from mixtape_site.logs import LineFormatter

SECRET = "s3cr3tt0ken"


def line(message, *args, **record):
    made = logging.LogRecord("mixtape", logging.INFO, __file__, 1, message, args, record.get("exc_info"))
    return LineFormatter().format(made)


def test_a_message_is_one_line_whatever_it_contains():
    assert len(line("first\nsecond\r\x1b[31mred").splitlines()) == 1
    assert "\\n" in line("first\nsecond") and "\x1b" not in line("\x1b[31m")
    assert line("Größe 夜").endswith("Größe 夜")


def test_a_traceback_is_on_the_same_line():
    try:
        raise ValueError("bad")
    except ValueError:
        text = line("it failed", exc_info=sys.exc_info())
    assert "\n" not in text and "ValueError: bad" in text


def test_a_job_id_is_logged():
    token = job_id.set("4711")
    assert " job=4711 " in line("working")
    job_id.reset(token)
    assert "job=" not in line("working")


@pytest.mark.parametrize(
    "path",
    [
        f"/account/first/{SECRET}/",
        f"/accounts/password/reset/key/1-{SECRET}/",
        f"/accounts/confirm-email/{SECRET}/",
    ],
)
def test_secret_links_are_not_logged(path):
    assert SECRET not in line("Not Found: %s", path)
    assert path.split(SECRET)[0].rstrip("1-") in line("GET %s", path)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="mixtape.access")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "mixtape.access"]


def test_a_request_is_logged_with_its_user_and_without_its_query(alice, as_alice, lines):
    as_alice.get(reverse("accounts:export") + "?next=secret")
    (text,) = lines()
    assert text.startswith("GET /account/export/ 200 ") and text.endswith(f"user={alice.pk}")


def test_an_anonymous_request_is_logged_without_a_user(as_nobody, lines):
    as_nobody.get("/privacy/")
    assert lines()[0].endswith("user=-")


def test_machine_polls_are_not_logged(client, db, lines):
    client.get("/healthz")
    client.get("/favicon.ico")
    assert lines() == []


def test_the_response_has_the_request_id(client, db):
    assert client.get("/healthz")["X-Request-ID"] != client.get("/healthz")["X-Request-ID"]


def test_a_refusal_is_logged_once_and_a_bug_with_its_traceback(settings):
    logging.config.dictConfig(settings.LOGGING)
    heard = []
    handler = logging.Handler()
    handler.emit = heard.append
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    logger.warning("Not Found: /nowhere")
    assert heard == []
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logger.exception("Internal Server Error: /")
    logger.removeHandler(handler)
    assert len(heard) == 1


def test_an_invalid_host_is_logged_without_a_traceback(settings, client, db, capfd):
    logging.config.dictConfig(settings.LOGGING)
    assert client.get("/accounts/login/", headers={"Host": "evil.example"}).status_code == 400
    assert "Traceback" not in capfd.readouterr().err
