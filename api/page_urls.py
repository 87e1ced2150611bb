"""Addresses of the account's pages for programs."""

from django.urls import path

from api.views import token_pages

app_name = "access"
urlpatterns = [
    path("", token_pages.token_list, name="tokens"),
    path("<uuid:token_pk>/remove/", token_pages.token_remove, name="token_remove"),
]
