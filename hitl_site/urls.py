from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from hitl_site import api, health, stylesheet

admin.site.site_header = admin.site.site_title = "Countersign"
# One way in: the admin's own sign-in page would ask for no second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler400 = "hitl_site.failures.bad_request"
handler403 = "hitl_site.failures.forbidden"
handler404 = "hitl_site.failures.not_found"
handler500 = "hitl_site.failures.server_error"

urlpatterns = [
    path("", include("approvals.urls")),
    path("", include("agents.urls")),
    path("api/v1/", api.urls()),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", login_not_required(RedirectView.as_view(url="/static/favicon.svg"))),
    path("styles.css", stylesheet.show, name="stylesheet"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
