"""Sign-up of the first operator, invitations, and the demo account."""

import io
import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from accounts import services
from accounts.models import OperatorLink

pytestmark = pytest.mark.django_db
User = get_user_model()
ACCOUNT = {"email": "op@example.org", "password": "knobs and faders"}


def path_of(link):
    return re.sub(r"^https?://[^/]+", "", link)


def test_the_link_creates_the_operator_signs_in_and_works_once(as_nobody):
    path = path_of(services.make_operator_link())
    assert as_nobody.get(path).status_code == 200
    assert as_nobody.post(path, ACCOUNT).status_code == 302
    operator = User.objects.get()
    assert operator.is_superuser and operator.is_staff and operator.check_password(ACCOUNT["password"])
    assert operator.emailaddress_set.get().verified
    assert as_nobody.get("/admin/").status_code == 200
    again = Client().post(path, {**ACCOUNT, "email": "other@example.org"})
    assert again.status_code == 404 and User.objects.count() == 1


def test_a_new_link_invalidates_the_old_one(as_nobody):
    first, second = path_of(services.make_operator_link()), path_of(services.make_operator_link())
    assert as_nobody.get(first).status_code == 404
    assert as_nobody.get(second).status_code == 200


def test_a_guessed_link_creates_no_account(as_nobody):
    services.make_operator_link()
    assert as_nobody.post("/account/first/guess/", ACCOUNT).status_code == 404
    assert not User.objects.exists()


def test_the_link_is_invalid_once_an_operator_exists(as_nobody):
    path = path_of(services.make_operator_link())
    User.objects.create_superuser("op@example.org", "x")
    assert as_nobody.get(path).status_code == 404


def test_two_requests_at_once_create_one_operator():
    token = path_of(services.make_operator_link()).split("/")[-2]
    services.create_first_operator(token, "one@example.org", "knobs and faders")
    with pytest.raises(services.LinkUsed):
        services.create_first_operator(token, "two@example.org", "knobs and faders")


def test_only_a_digest_of_the_token_is_stored():
    token = path_of(services.make_operator_link()).split("/")[-2]
    assert token not in str(OperatorLink.objects.values())


@pytest.mark.parametrize(
    "change", [{"email": "nonsense"}, {"password": "short"}, {"email": "ALICE@example.org"}]
)
def test_a_form_with_a_mistake_keeps_the_link(alice, as_nobody, change):
    path = path_of(services.make_operator_link())
    assert as_nobody.post(path, ACCOUNT | change).status_code == 422
    assert as_nobody.get(path).status_code == 200


def invite(*arguments):
    out = io.StringIO()
    call_command("invite", *arguments, stdout=out, stderr=io.StringIO())
    return path_of(out.getvalue().strip())


def choose_password(client, link, password):
    form = client.get(link, follow=True)
    return client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})


def test_an_invited_user_chooses_a_password_while_sign_up_is_closed(as_nobody, settings):
    settings.SIGNUP_OPEN = False
    link = invite("carol@example.org")
    choose_password(as_nobody, link, "carol hums along")
    carol = User.objects.get()
    assert carol.check_password("carol hums along") and not carol.is_staff
    assert carol.emailaddress_set.get().verified
    choose_password(Client(), link, "somebody else sings")
    carol.refresh_from_db()
    assert carol.check_password("carol hums along")


def test_inviting_a_user_again_resets_the_password_and_may_grant_rights(alice, as_nobody):
    choose_password(as_nobody, invite("ALICE@example.org", "--operator"), "alice likes tapes")
    alice.refresh_from_db()
    assert alice.check_password("alice likes tapes") and alice.is_superuser


def test_an_invitation_leads_to_the_running_site(settings):
    out, err = io.StringIO(), io.StringIO()
    call_command("invite", "carol@example.org", stdout=out, stderr=err)
    assert out.getvalue().startswith(settings.SITE_URL) and "set MIXTAPE_URL" in err.getvalue()
    started_with, settings.SITE_URL = settings.SITE_URL, "https://mixes.example.org"
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    services.note_address()
    settings.SITE_URL, out, err = started_with, io.StringIO(), io.StringIO()
    call_command("invite", "carol@example.org", stdout=out, stderr=err)
    assert out.getvalue().startswith("https://mixes.example.org/accounts/password/reset/key/")
    assert "MIXTAPE_URL" not in err.getvalue()


def test_an_invalid_address_gets_no_link():
    with pytest.raises(CommandError, match="not an e-mail address"):
        invite("carol")


def test_the_demo_password_is_stored_in_the_keys_folder(settings):
    demo = services.ensure_demo_account()
    assert services.ensure_demo_account() == demo
    path = settings.DATA_DIR / "keys" / "demo_password"
    assert path.read_text() == demo.password and path.stat().st_mode & 0o777 == 0o600
    assert User.objects.get().check_password(demo.password)


def test_the_demo_account_closes_and_opens_again(as_nobody):
    demo = services.ensure_demo_account()
    assert services.close_demo_account() and not services.close_demo_account()
    assert not as_nobody.login(email=demo.email, password=demo.password)
    services.ensure_demo_account()
    assert as_nobody.login(username=demo.email, password=demo.password)
