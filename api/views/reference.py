"""The description of the API, as JSON for programs and as a page for people."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from api.description import describe
from api.pages.reference_page import reference_page


@require_safe
@cache_control(public=True, max_age=300)
def openapi_json(request: HttpRequest) -> JsonResponse:
    return JsonResponse(describe(), json_dumps_params={"ensure_ascii": False})


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(request, "api/docs.html", {"reference": reference_page(describe())})


@csrf_exempt
def nothing_here(request: HttpRequest, rest: str) -> HttpResponse:
    raise Http404(rest)
