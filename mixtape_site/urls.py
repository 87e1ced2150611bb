"""URLs of the whole site: each app has its own prefix."""

from allauth.account.decorators import secure_admin_login
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.urls import include, path
from django.views.generic import TemplateView

from accounts.views import address, button, password
from mixtape_site import views
from mixtape_site.searches import ShortSearchForm

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler429 = views.too_many_requests
handler500 = views.server_error

# the admin's own sign-in has no rate limit
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # as allauth asks for
ChangeList.search_form_class = ShortSearchForm  # in every app; SQLite limits the size of an expression

for model in (SocialApp, SocialToken):  # secrets in plain text: set by the environment, or not stored
    admin.site.unregister(model)

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("status/", views.status, name="status"),
    path("metrics", views.metrics, name="metrics"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("", include("mixes.urls")),
    path("youtube/", include("youtube_integration.urls")),
    path("api/v1/", include("api.urls")),
    path("account/access/", include("api.page_urls")),
    path("account/", include("accounts.urls")),
    # override django-allauth's views, which promise mail that is never sent, or crash on bad tokens
    path("accounts/password/reset/", password.reset_password),
    path("accounts/email/", address.change_address),
    path("accounts/google/login/token/", button.sign_in_by_token),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("privacy/", TemplateView.as_view(template_name="privacy.html"), name="privacy"),
    path("terms/", TemplateView.as_view(template_name="terms.html"), name="terms"),
    path(
        "robots.txt",
        TemplateView.as_view(template_name="robots.txt", content_type="text/plain"),
        name="robots",
    ),
    path(
        "site.webmanifest",
        TemplateView.as_view(template_name="site.webmanifest", content_type="application/manifest+json"),
        name="manifest",
    ),
]
