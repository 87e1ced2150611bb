"""URLs of account pages; django-allauth's own pages are under /accounts/."""

from django.urls import path

from accounts.views import first, leaving, profile

app_name = "accounts"
urlpatterns = [
    path("", profile.profile, name="profile"),
    path("export/", leaving.export, name="export"),
    path("delete/", leaving.delete, name="delete"),
    path("first/<str:token>/", first.create_operator, name="first"),
]
