"""Addresses of the account's pages for programs."""

from django.urls import path

from api.views import token_pages, webhook_pages

app_name = "access"
urlpatterns = [
    path("", token_pages.token_list, name="tokens"),
    path("<uuid:token_pk>/remove/", token_pages.token_remove, name="token_remove"),
    path("webhooks/", webhook_pages.webhook_list, name="webhooks"),
    path("webhooks/<uuid:webhook_pk>/", webhook_pages.webhook, name="webhook"),
    path("webhooks/<uuid:webhook_pk>/remove/", webhook_pages.webhook_remove, name="webhook_remove"),
    path(
        "webhooks/<uuid:webhook_pk>/<uuid:delivery_pk>/again/",
        webhook_pages.delivery_again,
        name="delivery_again",
    ),
]
