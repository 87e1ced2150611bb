"""Sign-up, sign-in and passwords, with and without mail, with open and closed sign-up."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.adapters import SocialAccountAdapter
from mixtape_site.configuration.addresses import SiteAddress

pytestmark = pytest.mark.django_db
User = get_user_model()
NEW = {"email": "carol@example.org", "password1": "carol hums along", "password2": "carol hums along"}


@pytest.fixture
def with_mail(settings):
    settings.HAS_MAIL = True
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def test_sign_up_without_a_mail_server_signs_in_at_once(as_nobody, settings):
    settings.SIGNUP_OPEN = True
    answer = as_nobody.post(reverse("account_signup"), NEW)
    assert answer.status_code == 302
    assert as_nobody.get(reverse("accounts:profile")).context["user"].email == NEW["email"]
    assert EmailAddress.objects.get(email=NEW["email"]).primary


def test_sign_up_with_a_mail_server_waits_for_the_confirmed_address(as_nobody, settings, with_mail):
    settings.SIGNUP_OPEN = True
    as_nobody.post(reverse("account_signup"), NEW)
    assert as_nobody.get(reverse("accounts:profile")).status_code == 302
    (message,) = mail.outbox
    link = re.search(r"http\S+/confirm-email/\S+/", message.body)[0]
    as_nobody.post(link)
    assert EmailAddress.objects.get(email=NEW["email"]).verified


def test_closed_sign_up_creates_no_account(as_nobody, settings):
    settings.SIGNUP_OPEN = False
    assert "signup" not in as_nobody.get(reverse("account_login")).content.decode()
    as_nobody.post(reverse("account_signup"), NEW)
    assert not User.objects.exists()


def test_closed_sign_up_is_closed_for_google_sign_in_too(rf, settings):
    settings.SIGNUP_OPEN = False
    assert not SocialAccountAdapter().is_open_for_signup(rf.get("/"), SocialLogin())


def test_a_short_password_is_refused_with_a_sentence(as_nobody, settings):
    settings.SIGNUP_OPEN = True
    answer = as_nobody.post(reverse("account_signup"), {**NEW, "password1": "abc", "password2": "abc"})
    assert "too short" in answer.content.decode()
    assert not User.objects.exists()


def test_signing_in_and_out(alice, as_nobody):
    sign_in = {"login": "ALICE@example.org", "password": "alice likes records"}
    assert as_nobody.post(reverse("account_login"), sign_in).url == "/mixes/"
    assert as_nobody.get(reverse("accounts:profile")).status_code == 200
    as_nobody.post(reverse("account_logout"))
    assert as_nobody.get(reverse("accounts:profile")).status_code == 302


def test_a_wrong_password_signs_nobody_in(alice, as_nobody):
    as_nobody.post(reverse("account_login"), {"login": alice.email, "password": "guess"})
    assert "_auth_user_id" not in as_nobody.session


def test_password_guesses_are_rate_limited(alice, as_nobody):
    guesses = [
        as_nobody.post(reverse("account_login"), {"login": alice.email, "password": f"guess {n}"})
        for n in range(12)
    ]
    assert guesses[-1].status_code == 429 or "Too many" in guesses[-1].content.decode()
    right = {"login": alice.email, "password": "alice likes records"}
    as_nobody.post(reverse("account_login"), right)
    assert "_auth_user_id" not in as_nobody.session


def test_guesses_from_elsewhere_do_not_lock_out_the_owner_on_a_known_device(alice, as_nobody):
    right = {"login": alice.email, "password": "alice likes records"}
    as_nobody.post(reverse("account_login"), right)
    as_nobody.post(reverse("account_logout"))
    guesser = Client(REMOTE_ADDR="10.1.2.3")
    guesses = [
        guesser.post(reverse("account_login"), {"login": alice.email, "password": f"guess {n}"})
        for n in range(7)
    ]
    assert guesses[-1].status_code == 429 or "Too many" in guesses[-1].content.decode()
    elsewhere = Client(REMOTE_ADDR="10.9.9.9")
    elsewhere.post(reverse("account_login"), right)
    assert "_auth_user_id" not in elsewhere.session
    as_nobody.post(reverse("account_login"), right)
    assert "_auth_user_id" in as_nobody.session


def test_the_device_of_another_user_has_no_guesses_of_its_own(alice, bob):
    guesser = Client(REMOTE_ADDR="10.1.2.3")
    guesser.post(reverse("account_login"), {"login": bob.email, "password": "bob likes tapes too"})
    assert "device" in guesser.cookies
    guesser.post(reverse("account_logout"))
    for n in range(6):
        Client(REMOTE_ADDR=f"10.1.3.{n}").post(
            reverse("account_login"), {"login": alice.email, "password": f"guess {n}"}
        )
    guesser.post(reverse("account_login"), {"login": alice.email, "password": "alice likes records"})
    assert "_auth_user_id" not in guesser.session


def test_guesses_on_a_known_device_are_limited_too(alice, as_nobody):
    right = {"login": alice.email, "password": "alice likes records"}
    as_nobody.post(reverse("account_login"), right)
    as_nobody.post(reverse("account_logout"))
    for n in range(6):
        as_nobody.post(reverse("account_login"), {"login": alice.email, "password": f"guess {n}"})
    as_nobody.post(reverse("account_login"), right)
    assert "_auth_user_id" not in as_nobody.session


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9999", "mixes.example.org:9999"])
@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_links_of_mails_lead_to_the_sites_own_address(alice, as_nobody, settings, with_mail, host, email):
    settings.SITE = SiteAddress.read("https://mixes.example.org", bind="127.0.0.1", port=8000)
    settings.SITE_URL, settings.ALLOWED_HOSTS = settings.SITE.url, list(settings.SITE.hosts)
    as_nobody.post(reverse("account_reset_password"), {"email": email}, headers={"host": host})
    (message,) = mail.outbox
    links = re.findall(r"https?://\S+", message.body)
    assert links and all(link.startswith("https://mixes.example.org/") for link in links)
    assert message.subject.startswith("[mixes.example.org] ")
    assert host not in message.body + message.subject


def test_the_admin_has_no_sign_in_of_its_own(alice, as_nobody):
    alice.is_staff = True
    alice.save()
    right = {"username": alice.email, "password": "alice likes records"}
    answer = as_nobody.post(reverse("admin:login"), right)
    assert answer.url.startswith(reverse("account_login"))
    assert "_auth_user_id" not in as_nobody.session


def test_the_admin_refuses_other_users_with_a_message(as_alice):
    assert as_alice.get(reverse("admin:index"), follow=True).status_code == 403


def test_too_many_requests_get_our_page(as_nobody):
    answers = [as_nobody.post(reverse("account_login"), {"login": f"{n}@x.org"}) for n in range(31)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "60"


def test_changing_the_password(alice, as_alice):
    change = {
        "oldpassword": "alice likes records",
        "password1": "alice likes tapes",
        "password2": "alice likes tapes",
    }
    assert as_alice.post(reverse("account_change_password"), change).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("alice likes tapes")


def test_without_mail_there_is_no_reset_and_the_page_says_who_can_help(as_nobody):
    assert "password/reset" not in as_nobody.get(reverse("account_login")).content.decode()
    answer = as_nobody.get(reverse("account_reset_password"))
    assert answer.status_code == 404
    assert "manage.py invite" in answer.content.decode()
    assert as_nobody.post(reverse("account_reset_password"), {"email": "a@b.org"}).status_code == 404


def test_with_mail_a_forgotten_password_is_reset_by_a_link(alice, as_nobody, with_mail):
    alice.emailaddress_set.create(email=alice.email, verified=True, primary=True)
    assert "password/reset" in as_nobody.get(reverse("account_login")).content.decode()
    as_nobody.post(reverse("account_reset_password"), {"email": alice.email})
    link = re.search(r"http://[^/]+(/\S+/key/\S+)", mail.outbox[0].body)[1]
    choose_password(as_nobody, link, "a whole new song")
    alice.refresh_from_db()
    assert alice.check_password("a whole new song")


def choose_password(client, link, password):
    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})


def test_google_is_offered_only_where_it_is_set_up(as_nobody, settings):
    assert "google" not in as_nobody.get(reverse("account_login")).content.decode().lower()
    app = {"client_id": "id", "secret": "secret", "key": ""}
    google = {**settings.SOCIALACCOUNT_PROVIDERS["google"], "APPS": [app]}
    settings.SOCIALACCOUNT_PROVIDERS = {"google": google}
    settings.GOOGLE_CLIENT_ID = "id"
    assert "/accounts/google/login/" in as_nobody.get(reverse("account_login")).content.decode()


@pytest.mark.parametrize("name", ["google_login", "google_callback", "google_login_by_token"])
def test_where_google_is_not_set_up_its_pages_are_not_there(as_nobody, name):
    assert as_nobody.post(reverse(name)).status_code == 404


def test_sessions_are_listed_and_the_others_can_be_ended(alice, as_alice):
    elsewhere = Client(HTTP_USER_AGENT="Pocket radio")
    elsewhere.force_login(alice)
    elsewhere.get(reverse("accounts:profile"))
    as_alice.get(reverse("accounts:profile"))
    assert "Pocket radio" in as_alice.get(reverse("usersessions_list")).content.decode()
    as_alice.post(reverse("usersessions_list"))
    assert elsewhere.get(reverse("accounts:profile")).status_code == 302
    assert as_alice.get(reverse("accounts:profile")).status_code == 200


def test_a_repeated_request_writes_nothing(as_alice, django_assert_max_num_queries):
    as_alice.get(reverse("usersessions_list"))
    with django_assert_max_num_queries(20) as asked:
        as_alice.get(reverse("accounts:profile"))
    assert not [q for q in asked.captured_queries if q["sql"].startswith(("UPDATE", "INSERT"))]


PAGES = (
    "account_login",
    "account_signup",
    "account_logout",
    "account_inactive",
    "account_email",
    "account_email_verification_sent",
    "account_change_password",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "account_reauthenticate",
    "socialaccount_connections",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
    "usersessions_list",
)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("mail", [False, True])
def test_every_sign_in_page_uses_our_layout_and_obeys_the_csp(alice, name, mail, settings):
    settings.HAS_MAIL = mail
    for client in (Client(), signed_in(alice)):
        answer = client.get(reverse(name))
        assert answer.status_code in (200, 302, 401, 404)
        text = answer.content.decode()
        if answer.status_code != 302:
            assert 'class="site-head"' in text
        assert " style=" not in text and "<style" not in text and "onclick=" not in text


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def test_the_page_to_choose_a_password_obeys_the_csp(alice, as_nobody):
    alice.set_unusable_password()
    alice.save()
    text = signed_in(alice).get(reverse("account_set_password")).content.decode()
    assert 'class="site-head"' in text and " style=" not in text
