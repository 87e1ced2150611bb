"""Django settings; every setting can be set in the environment or in `.env`."""

from pathlib import Path

import environ
from csp.constants import NONE, SELF

from mixes.services.maintenance.journal import is_open, stop_if_open
from mixtape_site.configuration.addresses import SiteAddress
from mixtape_site.configuration.google import GoogleClient, foreign_addresses, origin_of, read_addresses
from mixtape_site.configuration.keys import make_key, read_or_make_keys
from mixtape_site.configuration.limits import Limits
from mixtape_site.configuration.time_zone import system_time_zone
from mixtape_site.configuration.version import read_version
from mixtape_site.configuration.worker_environment import read_env_file

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = read_version()
read_env_file()
env = environ.Env()

# Folders: data (database, keys, stored analyses) and media (uploads and results)
DATA_DIR = Path(env.str("MIXTAPE_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
MEDIA_ROOT = Path(env.str("MIXTAPE_MEDIA_DIR", default=str(BASE_DIR / "media"))).absolute()
stop_if_open(DATA_DIR)

# Public address; hosts, cookies, CSRF and redirects are derived from it
PORT = env.int("MIXTAPE_PORT", default=8000)
BIND = env.str("MIXTAPE_BIND", default="127.0.0.1")
_URL = env.str("MIXTAPE_URL", default="")
HAS_URL = bool(_URL)
SITE = SiteAddress.read(_URL, bind=BIND, port=PORT)
SITE_URL = SITE.url
TRUSTED_PROXIES = env.int("MIXTAPE_TRUSTED_PROXIES", default=0)

# Core
DEBUG = env.bool("MIXTAPE_DEBUG", default=False)
_given_key = env.str("SECRET_KEY", default="")
if not _given_key and is_open(DATA_DIR):
    _given_key = make_key()  # for `restore` only: the key files may have been moved
SECRET_KEY, *_old_keys = [_given_key] if _given_key else read_or_make_keys(DATA_DIR / "keys" / "secret_key")
SECRET_KEY_FALLBACKS = [*_old_keys, *env.list("SECRET_KEY_FALLBACKS", default=[])]
DEFAULT_EXCEPTION_REPORTER_FILTER = "mixtape_site.configuration.error_reports.SecretsFilter"
ALLOWED_HOSTS = list(SITE.hosts)
ROOT_URLCONF = "mixtape_site.urls"
WSGI_APPLICATION = "mixtape_site.wsgi.application"
INSTALLED_APPS = [
    "mixtape_site",
    "accounts",
    "mixes",
    "youtube_integration",
    "api",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_q",
]
MIDDLEWARE = [
    "mixtape_site.logs.RequestIdMiddleware",
    "mixtape_site.middleware.headers.PermissionsPolicyMiddleware",
    "mixtape_site.middleware.compression.CompressPagesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "mixtape_site.middleware.headers.PrivatePagesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mixtape_site.middleware.htmx.SignInPageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sessions.NoteSessionMiddleware",
    "mixtape_site.middleware.busy.BusyDatabaseMiddleware",
    "api.middleware.ApiAnswersMiddleware",  # last: the others add their headers to what it answers
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mixtape_site.context_processors.site",
            ],
        },
    },
]

# Database
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'mixtape.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # deferred ones fail instead of waiting at their first write
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
# Each web server thread keeps its connection: opening one costs as much as a small page
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate-limit counters of all threads; with few entries a client could evict the others' counters
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# Users
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "mixes:mix_list"
LOGOUT_REDIRECT_URL = "home"

# Mail: without a server none is sent, and the pages that need it say so
EMAIL_URL = env.str("EMAIL_URL", default="")
HAS_MAIL = bool(EMAIL_URL)
if HAS_MAIL:
    vars().update(env.email_url("EMAIL_URL"))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MIXTAPE_MAIL_FROM", default=f"mixtape@{SITE.host}")

# Sign-up and the demo account default to on only where no other machine can reach the site
SIGNUP_OPEN: bool = env.bool("MIXTAPE_SIGNUP_OPEN", default=SITE.is_loopback)
DEMO_ACCOUNT = env.bool("MIXTAPE_DEMO_ACCOUNT", default=SITE.is_loopback)

# Google: OAuth client and endpoints. An endpoint that is not Google's would receive tokens, so it
# switches Google off entirely; a stand-in on this machine is for developers (checks.py)
GOOGLE_KEYS_FILE = env.str("GOOGLE_CLIENT_SECRETS_FILE", default="")
_google = GoogleClient.read(
    env.str("GOOGLE_CLIENT_ID", default=""),
    env.str("GOOGLE_CLIENT_SECRET", default=""),
    GOOGLE_KEYS_FILE,
)
GOOGLE_ADDRESSES = read_addresses(env)
GOOGLE_OAUTH_AUTH_URI = GOOGLE_ADDRESSES["GOOGLE_OAUTH_AUTH_URI"]
GOOGLE_OAUTH_TOKEN_URI = GOOGLE_ADDRESSES["GOOGLE_OAUTH_TOKEN_URI"]
GOOGLE_OAUTH_REVOKE_URI = GOOGLE_ADDRESSES["GOOGLE_OAUTH_REVOKE_URI"]
GOOGLE_CERTS_URL = GOOGLE_ADDRESSES["GOOGLE_CERTS_URL"]
GOOGLE_USERINFO_URL = GOOGLE_ADDRESSES["GOOGLE_USERINFO_URL"]
YOUTUBE_ROOT_URL = GOOGLE_ADDRESSES["YOUTUBE_ROOT_URL"]
GOOGLE_FOREIGN = foreign_addresses(GOOGLE_ADDRESSES, stand_in_allowed=DEBUG and SITE.is_loopback)
GOOGLE_CLIENT_ID = "" if GOOGLE_FOREIGN else _google.id
GOOGLE_CLIENT_SECRET = "" if GOOGLE_FOREIGN else _google.secret
GOOGLE_REDIRECT_URIS = _google.redirect_uris
GOOGLE_KEYS_PROBLEM = _google.problem
PUBLISHING = bool(GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET)  # to YouTube

# Webhooks: messages to addresses of users, also in private networks if so set
WEBHOOKS = env.bool("MIXTAPE_WEBHOOKS", default=False)
WEBHOOKS_PRIVATE = env.bool("MIXTAPE_WEBHOOKS_PRIVATE", default=False)

# Figures for Prometheus: for this machine only, or for programs that send the token
METRICS_TOKEN = env.str("MIXTAPE_METRICS_TOKEN", default="")
METRICS = env.bool("MIXTAPE_METRICS", default=bool(METRICS_TOKEN))
if METRICS:
    MIDDLEWARE.insert(1, "mixtape_site.middleware.counting.CountAnswersMiddleware")

# Sign-in (django-allauth)
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if HAS_MAIL else "none"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE.scheme
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {
    "google": {
        "SCOPE": ["profile", "email"],
        "AUTH_PARAMS": {"access_type": "online", "prompt": "select_account"},
        "OAUTH_PKCE_ENABLED": True,
        "AUTHORIZE_URL": GOOGLE_OAUTH_AUTH_URI,
        "ACCESS_TOKEN_URL": GOOGLE_OAUTH_TOKEN_URI,
        "CERTS_URL": GOOGLE_CERTS_URL,
        "IDENTITY_URL": GOOGLE_USERINFO_URL,
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": GOOGLE_CLIENT_SECRET, "key": ""}]
        if PUBLISHING
        else [],
    }
}
USERSESSIONS_TRACK_ACTIVITY = True

# Cookies and transport
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE.is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # forms carry the CSRF token themselves
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if SITE.is_https:  # `__Host-` cookies: sent over TLS only, and no other host can set them
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_AGE = 14 * 24 * 3600  # from signing in
CSRF_TRUSTED_ORIGINS = [SITE.origin]
CSRF_FAILURE_VIEW = "mixtape_site.views.csrf_failure"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = False  # the proxy redirects; /healthz is requested without TLS
SECURE_HSTS_SECONDS = 31_536_000 if SITE.is_https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and
    "security.W021",  # the preload list apply to a whole domain: its owner decides, in the proxy
    "security.W008",  # plain HTTP is redirected by the proxy, see SECURE_SSL_REDIRECT
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],  # blob: previews a picture before its upload
        "media-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF, origin_of(GOOGLE_OAUTH_AUTH_URI)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Languages and time
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("MIXTAPE_TIME_ZONE", default=system_time_zone())
USE_TZ = True

# Files
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "mixtape_site.configuration.static_files.StaticFiles"},
}
ACCEL_PREFIX = env.str("MIXTAPE_ACCEL_PREFIX", default="")  # nginx's internal location of the media folder
FILE_UPLOAD_HANDLERS = ["mixes.services.library.form_uploads.MediaDiskHandler"]  # on the media disk
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4_000  # the table of names has three fields a song, and a mix 500 songs
DATA_UPLOAD_MAX_NUMBER_FILES = 50

# Limits per user
LIMITS = Limits.read(env)

# Background jobs: django-q2 only carries wake-ups, the state is in the rows of `mixes.leases`
LONG_WORKERS = env.int("MIXTAPE_LONG_WORKERS", default=1)
SHORT_WORKERS = env.int("MIXTAPE_SHORT_WORKERS", default=2)
_QUEUE = {
    "queue_limit": 1,
    "bulk": 1,
    "poll": 0.2,
    "guard_cycle": 0.5,  # exact in binary: the guard waits for a counter to be 0
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 200,
    "catch_up": False,
    "scheduler": False,
}
Q_CLUSTER = {
    "name": "mixtape",
    "orm": "default",
    "workers": 1,
    "timeout": 900,
    "retry": 1000,
    **_QUEUE,
    "ALT_CLUSTERS": {
        # users wait for what they hear: it is looked for twice as often
        "short": {
            **_QUEUE,
            "workers": SHORT_WORKERS,
            "timeout": 3600,
            "retry": 4000,
            "recycle": 50,
            "poll": 0.1,
        },
        # a new process for each mix frees its memory
        "long": {"workers": LONG_WORKERS, "timeout": 12 * 3600, "retry": 13 * 3600, "recycle": 1, **_QUEUE},
        "publish": {"workers": 1, "timeout": 12 * 3600, "retry": 13 * 3600, "recycle": 50, **_QUEUE},
        "hooks": {"workers": 2, "timeout": 120, "retry": 200, "recycle": 500, **_QUEUE},
    },
}

# The engine
FFMPEG = env.str("MIXTAPE_FFMPEG", default="") or None

# Logs: one line per message
LOG_LEVEL = env.str("MIXTAPE_LOG_LEVEL", default="INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "mixtape_site.logs.LineFormatter"}},
    "filters": {
        "has_traceback": {
            "()": "django.utils.log.CallbackFilter",
            "callback": "ext://mixtape_site.logs.has_traceback",
        }
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},  # without a handler, Python writes to stderr
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": LOG_LEVEL, "propagate": False},
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # repeats the line of each request, or reports hosts that bots invent
        "django.request": {"handlers": ["stderr"], "filters": ["has_traceback"], "propagate": False},
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
        "django.server": {"handlers": ["nowhere"], "propagate": False},
    },
}
