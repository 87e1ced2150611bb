"""Google's accounts: consent, tokens, refresh, revocation, user info."""

import base64
import datetime as dt
import hashlib
import html
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from youtube_integration.tests.standin.errors import Reply, oauth_refusal, refusal
from youtube_integration.tests.standin.state import CLIENT_ID, CLIENT_SECRET, Code, Grant, signing_key

KEY_ID = "standin"
ISSUER = "https://accounts.google.com"
CALLBACKS = ("/youtube/callback/", "/accounts/google/login/callback/")
HOSTS = ("127.0.0.1", "localhost", "testserver")
CODE_LIVES_S = 600
LONG_NAMES = {name: f"https://www.googleapis.com/auth/userinfo.{name}" for name in ("email", "profile")}
PAGE = {"Content-Type": "text/html; charset=utf-8"}


def authorize(handler: Any) -> None:
    """Consent: redirect to the site with a code, after a page with two links if `asks` is set."""
    query, google = handler.query, handler.google
    back_to = query.get("redirect_uri", "")
    place = urlsplit(back_to)
    is_ours = place.hostname in HOSTS and place.path in CALLBACKS
    if query.get("client_id") != CLIENT_ID or not is_ours:
        raise Reply(400, b"Error 400: redirect_uri_mismatch", PAGE)
    if query.get("response_type") != "code" or not query.get("scope"):
        raise Reply(400, b"Error 400: invalid_request", PAGE)
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        raise Reply(400, b"Error 400: invalid_request (PKCE)", PAGE)
    if google.manner.asks and "answer" not in query:
        raise Reply(200, consent_page(query), PAGE)
    back = {"state": query["state"]} if "state" in query else {}
    if google.manner.denies or query.get("answer") == "deny":
        back["error"] = "access_denied"
    else:
        grant = grant_for(query, google)
        code = "4/0A" + secrets.token_urlsafe(24)
        google.codes[code] = Code(grant, back_to, query.get("code_challenge", ""), time.time() + CODE_LIVES_S)
        back |= {"code": code, "scope": " ".join(grant.scopes)}
    raise Reply(302, b"", {"Location": f"{back_to}?{urlencode(back)}"})


def consent_page(query: dict[str, str]) -> bytes:
    links = "".join(
        f'<p><a id="{answer}" href="?{html.escape(urlencode({**query, "answer": answer}))}">{text}</a></p>'
        for answer, text in (("allow", "Allow"), ("deny", "Cancel"))
    )
    head = '<!doctype html><html lang="en"><title>Google stand-in</title><h1>Mixtape wants access</h1>'
    return f"{head}<p>{html.escape(query['scope'])}</p>{links}</html>".encode()


def grant_for(query: dict[str, str], google: Any) -> Grant:
    scopes = {LONG_NAMES.get(scope, scope) for scope in query["scope"].split()}
    if scopes & set(LONG_NAMES.values()):
        scopes.add("openid")
    scopes -= set(google.manner.dropped_scopes)
    # a second consent gives no refresh token unless it is requested
    known = any(grant.user == google.manner.user for grant in google.refresh.values())
    is_offline = query.get("access_type") == "offline" and (query.get("prompt") == "consent" or not known)
    return Grant(tuple(sorted(scopes)), dict(google.manner.user), is_offline, query.get("nonce", ""))


def give_token(handler: Any) -> None:
    """Exchange a code or a refresh token; the client's secret comes as Basic auth or in the form."""
    form, google = handler.form(), handler.google
    is_refresh = form.get("grant_type") == "refresh_token"
    if fault := google.take_fault("refresh" if is_refresh else "token"):
        time.sleep(fault.stall_s)
        if fault.content is not None:
            raise Reply(fault.status or 200, fault.content.encode())
        raise oauth_refusal(fault.reason or "invalid_grant", "Token has been revoked.", fault.status or 400)
    basic = handler.headers.get("Authorization", "")
    if basic.startswith("Basic "):
        name, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        form |= {"client_id": name, "client_secret": secret}
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        raise oauth_refusal("invalid_client", "Unauthorized", 401)
    with google.lock:
        grant = known_grant(form, google) if is_refresh else grant_of_code(form, google)
        raise Reply(200, token_answer(form, google, grant, is_refresh=is_refresh))


def known_grant(form: dict[str, str], google: Any) -> Grant:
    if grant := google.refresh.get(form.get("refresh_token")):
        return grant
    raise oauth_refusal("invalid_grant", "Token has been expired or revoked.")


def grant_of_code(form: dict[str, str], google: Any) -> Grant:
    code = google.codes.pop(form.get("code"), None)
    if code is None or code.expires_at_s < time.time():
        raise oauth_refusal("invalid_grant", "Malformed auth code.")
    if code.redirect_uri != form.get("redirect_uri"):
        raise oauth_refusal("redirect_uri_mismatch")
    verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if code.challenge and base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != code.challenge:
        raise oauth_refusal("invalid_grant", "Invalid code verifier.")
    return code.grant


def token_answer(form: dict[str, str], google: Any, grant: Grant, *, is_refresh: bool) -> dict[str, Any]:
    access = "ya29.a0" + secrets.token_urlsafe(32)
    google.give_access(grant, access)
    answer = {
        "access_token": access,
        "expires_in": google.manner.expires_in_s,
        "scope": " ".join(grant.scopes),
        "token_type": "Bearer",
    }
    if (not is_refresh and grant.is_offline) or (is_refresh and google.manner.rotates_refresh):
        answer["refresh_token"] = "1//0" + secrets.token_urlsafe(32)
        google.refresh.pop(form.get("refresh_token"), None)
        google.refresh[answer["refresh_token"]] = grant
    if "openid" in grant.scopes:
        answer["id_token"] = id_token(grant)
    return answer


def id_token(grant: Grant, **claims: Any) -> str:
    """Return a signed id token; `claims` override the user's."""
    now_s = int(time.time())
    defaults = {
        "iss": ISSUER,
        "azp": CLIENT_ID,
        "aud": CLIENT_ID,
        "sub": grant.user["sub"],
        "email": grant.user["email"],
        "email_verified": grant.user.get("email_verified", True),
        "name": grant.user["name"],
        "iat": now_s,
        "exp": now_s + 3600,
    }
    nonce = {"nonce": grant.nonce} if grant.nonce else {}
    return jwt.encode({**defaults, **nonce, **claims}, signing_key(), "RS256", headers={"kid": KEY_ID})


def revoke(handler: Any) -> None:
    """Revoke the whole grant, given either of its tokens."""
    handler.fault("revoke")
    google, token = handler.google, {**handler.query, **handler.form()}.get("token", "")
    with google.lock:
        grant = google.refresh.get(token) or google.access.get(token)
        if grant is None:
            raise oauth_refusal("invalid_token", "Token expired or revoked")
        google.revoked.append(token)
        for tokens in (google.refresh, google.access):
            for name in [name for name, of in tokens.items() if of.user == grant.user]:
                del tokens[name]
    raise Reply(200, {})


def certificates(handler: Any) -> None:
    raise Reply(200, {KEY_ID: certificate()})


def certificate() -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(signing_key().public_key()).serial_number(1)
    builder = builder.not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(9))
    signed = builder.sign(signing_key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def user_info(handler: Any) -> None:
    user = signed_in(handler).user
    raise Reply(200, {**user, "id": user["sub"], "verified_email": True, "email_verified": True})


def signed_in(handler: Any) -> Grant:
    """Return the grant of the request's access token."""
    token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
    grant = handler.google.access.get(token)
    if grant is None or grant.expires_at_s < time.time():
        raise refusal("authError")
    return grant


PAGES = {
    ("GET", "/o/oauth2/v2/auth"): authorize,
    ("POST", "/token"): give_token,
    ("POST", "/revoke"): revoke,
    ("GET", "/oauth2/v1/certs"): certificates,
    ("GET", "/oauth2/v2/userinfo"): user_info,
    ("GET", "/oauth2/v3/userinfo"): user_info,
}
