"""Pages of publishing to YouTube."""

from django.urls import URLPattern

app_name = "youtube"
urlpatterns: list[URLPattern] = []
