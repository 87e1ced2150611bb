"""Sign-in with Google, by django-allauth against the stand-in: which account is opened, and when none."""

import copy
import io
import time
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.socialaccount.providers.google import views
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from youtube_integration.tests.journeys import follow_google
from youtube_integration.tests.standin import CLIENT_ID, CLIENT_SECRET
from youtube_integration.tests.standin.oauth import KEY_ID, id_token
from youtube_integration.tests.standin.state import Grant, signing_key

pytestmark = pytest.mark.django_db
User = get_user_model()
DJ = "dj@example.com"


@pytest.fixture(autouse=True)
def sign_in(google, settings, monkeypatch):
    """Enable Google sign-in; django-allauth read the endpoints when it was imported."""
    cache.clear()
    settings.SIGNUP_OPEN = True
    providers = copy.deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
    providers["google"]["APPS"] = [{"client_id": CLIENT_ID, "secret": CLIENT_SECRET, "key": ""}]
    settings.SOCIALACCOUNT_PROVIDERS = providers
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "authorize_url", settings.GOOGLE_OAUTH_AUTH_URI)
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "access_token_url", settings.GOOGLE_OAUTH_TOKEN_URI)
    monkeypatch.setattr(views.GoogleOAuth2Adapter, "identity_url", settings.GOOGLE_USERINFO_URL)
    monkeypatch.setattr(views, "CERTS_URL", settings.GOOGLE_CERTS_URL)


def start(client, **form):
    return client.post(reverse("google_login"), form).url


def arrive(client, **form):
    """Press Continue with Google and return with its answer."""
    return client.get(follow_google(start(client, **form)))


def who(client):
    return client.get(reverse("accounts:profile")).context["user"].email


def is_in(client):
    return "_auth_user_id" in client.session


def make_user(email, *, verified):
    user = User.objects.create_user(email, "a password of their own")
    user.emailaddress_set.create(email=email, verified=verified, primary=True)
    return user


def test_google_is_asked_for_a_name_and_an_address_and_nothing_else(as_nobody):
    query = {name: values[0] for name, values in parse_qs(urlsplit(start(as_nobody)).query).items()}
    assert set(query["scope"].split()) == {"profile", "email"}
    assert query["access_type"] == "online" and query["code_challenge_method"] == "S256"


def test_the_first_time_makes_an_account_and_the_second_finds_it(google):
    for _ in range(2):
        client = Client()
        assert arrive(client).url == "/mixes/"
        assert who(client) == DJ
    assert User.objects.count() == 1
    assert EmailAddress.objects.get(email=DJ).verified
    assert not User.objects.get().has_usable_password()
    assert not SocialToken.objects.exists()


def test_signing_in_leaves_no_token_behind(google, as_nobody, caplog):
    caplog.set_level("DEBUG")
    arrive(as_nobody)
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    kept = caplog.text + out.getvalue() + repr(dict(as_nobody.session)) + repr(as_nobody.cookies)
    assert google.access and CLIENT_SECRET not in kept
    assert not [token for token in google.access if token in kept]


def test_a_changed_address_at_google_opens_the_same_account(google, as_nobody):
    arrive(Client())
    google.manner.user = {"sub": "110", "email": "new@example.com", "name": "DJ Example"}
    arrive(as_nobody)
    assert who(as_nobody) == DJ and User.objects.count() == 1


def test_another_google_account_with_the_same_address_opens_another_account(google, as_nobody):
    arrive(Client())
    google.manner.user = {"sub": "999", "email": DJ, "name": "Somebody"}
    arrive(as_nobody)  # the address is verified by Google and here, as after a reset by mail
    assert who(as_nobody) == DJ
    assert SocialAccount.objects.filter(user__email=DJ).count() == 2


def test_declining_at_google_leads_to_a_page_that_says_so(google, as_nobody):
    google.manner.denies = True
    answer = as_nobody.get(follow_google(start(as_nobody)), follow=True)
    assert "You stopped signing in" in answer.content.decode()
    assert not is_in(as_nobody) and not User.objects.exists()


def test_closed_sign_up_refuses_new_users_and_admits_known_ones(google, settings, as_nobody):
    arrive(Client())
    settings.SIGNUP_OPEN = False
    assert arrive(as_nobody).url == "/mixes/"
    google.manner.user = {"sub": "2", "email": "new@example.com", "name": "New"}
    newcomer = Client()
    assert "closed" in arrive(newcomer).content.decode().lower()
    assert not is_in(newcomer) and User.objects.count() == 1


def test_closed_sign_up_admits_google_sign_in_to_an_existing_account(settings, as_nobody):
    make_user(DJ, verified=True)
    settings.SIGNUP_OPEN = False
    arrive(as_nobody)
    assert who(as_nobody) == DJ


@pytest.mark.parametrize("email", [DJ, "DJ@Example.COM"])
def test_an_account_with_a_verified_address_is_linked_and_keeps_its_password(email, as_nobody):
    user = User.objects.create_vouched_user(email, "a password of their own")
    arrive(as_nobody)
    assert who(as_nobody) == user.email and User.objects.count() == 1
    user.refresh_from_db()
    assert user.check_password("a password of their own")
    assert SocialAccount.objects.get(user=user).uid == "110"


@pytest.mark.parametrize("mail", [False, True])
@pytest.mark.parametrize("open_", [False, True])
@pytest.mark.parametrize("with_row", [False, True])
def test_an_account_with_an_unverified_address_is_not_opened_by_google(
    settings, as_nobody, mail, open_, with_row
):
    settings.HAS_MAIL, settings.SIGNUP_OPEN = mail, open_
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory" if mail else "none"
    squatter = make_user(DJ, verified=False)
    if not with_row:
        squatter.emailaddress_set.all().delete()
    in_their_browser = Client()
    in_their_browser.force_login(squatter)
    answer = arrive(as_nobody)
    assert answer.status_code == 403 and "There is an account with this address" in answer.content.decode()
    assert not is_in(as_nobody) and not SocialAccount.objects.exists()
    squatter.refresh_from_db()  # may be an innocent typo: their songs stay theirs
    assert squatter.check_password("a password of their own")
    assert in_their_browser.get(reverse("accounts:profile")).status_code == 200


def test_an_account_linked_to_another_google_account_is_not_opened(google, as_nobody):
    squatter = make_user(DJ, verified=False)
    google.manner.user = {"sub": "666", "email": "mallory@example.com", "name": "M"}
    theirs = Client()
    theirs.force_login(squatter)
    arrive(theirs, process="connect")
    assert SocialAccount.objects.get(user=squatter).uid == "666"
    google.manner.user = {"sub": "110", "email": DJ, "name": "DJ Example"}
    assert arrive(as_nobody).status_code == 403 and not is_in(as_nobody)


def test_an_unverified_second_address_opens_nothing(bob, as_nobody):
    bob.emailaddress_set.create(email=DJ, verified=False)
    assert arrive(as_nobody).status_code == 403
    assert not is_in(as_nobody)


@pytest.mark.parametrize("exists", [False, True])
def test_an_address_unverified_at_google_opens_and_creates_nothing(google, as_nobody, exists):
    if exists:
        make_user(DJ, verified=True)
    google.manner.user |= {"email_verified": False}
    answer = arrive(as_nobody)
    assert answer.status_code == 403 and "has not confirmed" in answer.content.decode()
    assert not is_in(as_nobody) and User.objects.count() == int(exists)


def test_a_signed_in_user_can_connect_google_and_sign_in_with_it(alice, as_alice, as_nobody):
    arrive(as_alice, process="connect")
    assert SocialAccount.objects.get(user=alice).uid == "110"
    arrive(as_nobody)
    assert who(as_nobody) == alice.email


def test_one_google_account_belongs_to_one_user(alice, as_alice, as_bob):
    arrive(as_alice, process="connect")
    arrive(as_bob, process="connect")
    assert SocialAccount.objects.get().user == alice


def test_a_closed_account_stays_closed(as_nobody):
    user = make_user(DJ, verified=True)
    user.is_active = False
    user.save()
    assert arrive(as_nobody).url == reverse("account_inactive")
    assert not is_in(as_nobody)


def test_an_answer_to_another_browsers_request_signs_nobody_in(as_nobody):
    path = follow_google(start(Client()))
    answer = as_nobody.get(path)
    assert answer.status_code == 401 and not is_in(as_nobody)


def test_an_answer_is_accepted_once(as_nobody):
    path = follow_google(start(as_nobody))
    as_nobody.get(path)
    as_nobody.post(reverse("account_logout"))
    assert as_nobody.get(path).status_code == 401 and not is_in(as_nobody)


def test_an_outage_of_google_is_reported_in_a_sentence(google, as_nobody):
    path = follow_google(start(as_nobody))
    google.fail("token", status=503, reason="server_error")
    answer = as_nobody.get(path)
    assert answer.status_code == 401 and "That did not work" in answer.content.decode()


def one_tap(client, token):
    """Post a token as Google's button does, with its double-submit cookie."""
    client.cookies["g_csrf_token"] = "same"
    return client.post(reverse("google_login_by_token"), {"credential": token, "g_csrf_token": "same"})


def token_for(user, **claims):
    return id_token(Grant((), user, is_offline=False), **claims)


ME = {"sub": "110", "email": DJ, "name": "DJ Example"}
OTHER_KEY = rsa.generate_private_key(65537, 2048)
CLAIMS = {
    "iss": "https://accounts.google.com",
    "aud": CLIENT_ID,
    "email_verified": True,
    "iat": int(time.time()),
    "exp": int(time.time()) + 3600,
    **ME,
}


def public_pem():
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return signing_key().public_key().public_bytes(serialization.Encoding.PEM, kind)


def sign_by_hand(algorithm, secret):
    """Return a forged token whose header names any algorithm."""
    import base64
    import hmac
    import json

    def part(data):
        return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=")

    text = part({"alg": algorithm, "kid": KEY_ID}) + b"." + part(CLAIMS)
    signature = hmac.new(secret, text, "sha256").digest() if secret else b""
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_token_of_googles_button_signs_in(as_nobody):
    one_tap(as_nobody, token_for(ME))
    assert who(as_nobody) == DJ


FORGED = {
    "another key": lambda: jwt.encode(CLAIMS, OTHER_KEY, "RS256", headers={"kid": KEY_ID}),
    "an unknown key": lambda: jwt.encode(CLAIMS, OTHER_KEY, "RS256", headers={"kid": "other"}),
    "no signature": lambda: sign_by_hand("none", b""),
    "the public key as a password": lambda: sign_by_hand("HS256", public_pem()),
    "for another site": lambda: token_for(ME, aud="other.apps.googleusercontent.com"),
    "by another issuer": lambda: token_for(ME, iss="https://evil.example"),
    "of yesterday": lambda: token_for(ME, exp=int(time.time()) - 3600),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_signs_nobody_in(how, as_nobody):
    make_user(DJ, verified=True)
    assert one_tap(as_nobody, FORGED[how]()).status_code == 401
    assert not is_in(as_nobody) and not SocialAccount.objects.exists()


@pytest.mark.parametrize("token", ["", "rubbish", "a.b.c"])
def test_a_malformed_token_signs_nobody_in_and_raises_nothing(token, as_nobody):
    assert one_tap(as_nobody, token).status_code in (400, 401)
    assert not is_in(as_nobody)


def test_a_token_posted_by_another_site_signs_nobody_in(as_nobody):
    assert as_nobody.post(reverse("google_login_by_token"), {"credential": token_for(ME)}).status_code == 401
    assert not is_in(as_nobody)


def test_a_token_opens_no_account_with_an_unverified_address(as_nobody):
    make_user(DJ, verified=False)
    assert one_tap(as_nobody, token_for(ME)).status_code == 403
    assert one_tap(as_nobody, token_for(ME, email_verified=False)).status_code == 403
    assert not is_in(as_nobody)
