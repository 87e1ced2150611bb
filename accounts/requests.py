"""Types of the requests that views and middleware receive: the attributes that middleware adds to them."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class HtmxRequest(HttpRequest):
    """A request behind HtmxMiddleware."""

    htmx: HtmxDetails


class UserRequest(HtmxRequest):
    """A request of a view behind `login_required`."""

    user: User
