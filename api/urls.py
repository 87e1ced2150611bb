"""Addresses of the API; those of the account's pages are in `page_urls`."""

from django.urls import path

from api.application import api
from api.views import reference, uploads

_operations, _app, namespace = api.urls
app_name = namespace
urlpatterns = [
    path("uploads", uploads.upload_create, {"place": "api:upload"}, name="upload_create"),
    path("uploads/<uuid:upload_pk>", uploads.upload, name="upload"),
    path("openapi.json", reference.openapi_json, name="openapi"),
    path("docs", reference.docs, name="docs"),
    *_operations,
    path("<path:rest>", reference.nothing_here, name="nothing"),
]
