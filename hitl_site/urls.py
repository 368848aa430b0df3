from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from hitl_site import health

admin.site.site_header = admin.site.site_title = "Countersign"

urlpatterns = [
    path("", include("approvals.urls")),
    path("", include("agents.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
