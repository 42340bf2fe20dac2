"""The addresses of the project: the toolkit's own, a login form, and a protected API."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import RefreshToken
from oauth2_provider.oauth2_backends import get_oauthlib_core


def hello(request: HttpRequest) -> JsonResponse:
    """200 and the name of the token's user; 401 for a token that the toolkit does not accept."""
    accepted, verified = get_oauthlib_core().verify_request(request, scopes=["read"])
    if not accepted:
        return JsonResponse(
            {"detail": "not authenticated"},
            status=401,
            headers={"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'},
        )
    user: Any = verified.user
    return JsonResponse({"hello": user.username if user else verified.client.client_id})


def issued(request: HttpRequest, client_id: str) -> JsonResponse:
    """How many refresh tokens an application got until now: one a login, one a renewal."""
    return JsonResponse(
        {"refresh_tokens": RefreshToken.objects.filter(application__client_id=client_id).count()}
    )


urlpatterns = [
    path("login/", LoginView.as_view()),
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("api/hello", csrf_exempt(hello)),
    path("issued/<str:client_id>", issued),
]
