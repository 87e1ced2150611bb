"""The description of the API: the committed one is the present one, and requests made from it meet no 5xx."""

import re
from dataclasses import replace

import hypothesis
import pytest
import requests
import schemathesis
from django.urls import reverse
from hypothesis import HealthCheck, strategies
from schemathesis import GenerationMode

from api.description import FILE, as_text, describe
from api.pages.reference_page import reference_page
from mixes.leases import State
from mixes.tests.factories import make_job_row, make_mix_row

EXAMPLES = 25  # requests per operation


def test_the_committed_description_is_that_of_the_code():
    assert FILE.read_text() == as_text(), "look at the difference, then run: manage.py api_description"


def test_every_operation_says_what_it_does_and_names_its_scope():
    described = describe()
    assert described["openapi"] == "3.1.0"
    operations = [one for methods in described["paths"].values() for one in methods.values()]
    assert len(operations) > 30
    for operation in operations:
        assert operation["description"].endswith("."), operation["operationId"]
        assert operation["x-scope"] in ("read", "write", "publish")
    reading = [one for methods in described["paths"].values() for m, one in methods.items() if m == "get"]
    assert {one["x-scope"] for one in reading} == {"read"}
    assert len({one["operationId"] for one in operations}) == len(operations)


def test_the_served_description_is_the_same(client):
    assert client.get(reverse("api:openapi")).json() == describe()


def test_the_page_shows_every_operation_and_object(client, db):
    page = client.get(reverse("api:docs")).content.decode()
    shown = reference_page(describe())
    for operation in (one for group in shown.groups.values() for one in group):
        assert f'id="{operation.anchor}"' in page and operation.path in page
    for shape in shown.shapes:
        assert f'id="{shape.name}"' in page
    assert not re.search(r"<script(?! src=\")|<style|https?://(?!testserver)", page.split("<main")[-1])


# Requests made from the description

schema = schemathesis.openapi.from_dict(describe())
OPERATIONS = [result.ok() for result in schema.get_all_operations()]


def send(client, case):
    """Send a request of the fuzzer with the client's token."""
    kwargs = case.as_transport_kwargs(base_url="http://testserver")
    headers = {**kwargs.pop("headers"), "Authorization": f"Bearer {client.secret}"}
    sent = requests.Request(headers=headers, **kwargs).prepare()
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    media = sent.headers.pop("Content-Type", "")
    others = {name: value for name, value in sent.headers.items() if name != "Content-Length"}
    return client.generic(sent.method, sent.path_url, body, media, headers=others)


@pytest.mark.django_db
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_no_request_made_from_the_description_meets_an_error_of_ours(operation, alice, by_alice, settings):
    """Half of the requests are of the described shape and half are not; half of the ids are there."""
    settings.LIMITS = replace(settings.LIMITS, api_per_minute=10_000)
    mix = make_mix_row(alice)
    job = make_job_row(mix, State.DONE, files=("mp3",))
    ids = {
        "mix_id": mix.pk,
        "track_id": mix.items.first().track_id,
        "item_id": mix.items.first().pk,
        "job_id": job.pk,
        "artifact_id": job.artifacts.get().pk,
    }

    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query or operation.path_parameters:
        modes.append(GenerationMode.NEGATIVE)
    cases = strategies.one_of(operation.as_strategy(generation_mode=mode) for mode in modes)

    @hypothesis.given(case=cases, exists=strategies.booleans())
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case, exists):
        if exists:
            case.path_parameters.update({k: str(v) for k, v in ids.items() if k in case.path_parameters})
        answer = send(by_alice, case)
        documented = {*operation.definition.raw["responses"], "405"}
        assert answer.status_code < 500, (case.as_curl_command(), answer.content)
        assert str(answer.status_code) in documented, (case.as_curl_command(), answer.content)

    fuzz()
