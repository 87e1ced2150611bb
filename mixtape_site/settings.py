"""Every setting, in Django's own order; all of them can be given in the environment or in `.env`."""

from pathlib import Path

import environ

from mixtape_site.keys import read_or_make_key
from mixtape_site.zones import system_time_zone

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(str(BASE_DIR / ".env"))

# Places: the database, keys and kept analyses; what users gave and what was made for them
DATA_DIR = Path(env.str("MIXTAPE_DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
MEDIA_ROOT = Path(env.str("MIXTAPE_MEDIA_DIR", default=str(BASE_DIR / "media"))).absolute()

# Core
DEBUG = env.bool("MIXTAPE_DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_make_key(DATA_DIR / "keys" / "secret_key")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ROOT_URLCONF = "mixtape_site.urls"
WSGI_APPLICATION = "mixtape_site.wsgi.application"
INSTALLED_APPS = [
    "mixtape_site",
    "accounts",
    "mixes",
    "youtube_integration",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
            ],
        },
    },
]

# Database
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'mixtape.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# Languages and time
LANGUAGE_CODE = "en"
TIME_ZONE = env.str("MIXTAPE_TIME_ZONE", default=system_time_zone())
USE_TZ = True

# Files
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

# The engine
FFMPEG = env.str("MIXTAPE_FFMPEG", default="") or None
