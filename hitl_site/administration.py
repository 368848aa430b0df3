"""What is done in the admin goes into the record, whichever model it is done to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.apps import AdminConfig
from django.contrib.admin.sites import AdminSite
from django.db import transaction
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import path

from approvals import audit

STREAM = "system/admin"


class Recorded:
    """An admin whose own log is kept beside the record; the record cannot be edited."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """What the admin says, and who was put where: a right that was given is more than the name of a field."""
        told = super().construct_change_message(request, form, formsets, add)  # type: ignore[misc]
        given = dict(_given(form))
        return [*told, {"given": given}] if given else told

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Something was made."""
        _tell("admin.added", request, obj, message)
        return super().log_addition(request, obj, message)  # type: ignore[misc]  # mixed into a ModelAdmin

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Something was changed."""
        _tell("admin.changed", request, obj, message)
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Some things are about to be deleted."""
        for obj in queryset:
            _tell("admin.deleted", request, obj, "")
        return super().log_deletions(request, queryset)  # type: ignore[misc]


class Site(AdminSite):
    """The admin, every part of it recorded."""

    def get_urls(self) -> list[Any]:
        """The admin's own, and one page about the machinery."""
        return [path("operations/", self.admin_view(self.operations), name="operations"), *super().get_urls()]

    def operations(self, request: HttpRequest) -> TemplateResponse:
        """Workers, queue, doubt, seals and the database, at a glance."""
        # Django needs this module before the models are there.
        from approvals import freezes
        from approvals.audit import status
        from hitl_site import vitals

        told = {
            "title": "Operations",
            "workers": vitals.workers(),
            "queue": vitals.queue(),
            "oldest": vitals.oldest_pending(),
            "unknown": vitals.unknown_effects(),
            "sealed": status.now(),
            "database": vitals.database(),
            "freeze": freezes.standing(),
            "notices": vitals.notices(),
            "failing": vitals.failing_channels(),
            "deliveries": vitals.deliveries(),
            "webhooks": vitals.failing_webhooks(),
        }
        return TemplateResponse(request, "admin/operations.html", {**self.each_context(request), **told})

    def register(
        self, model_or_iterable: Any, admin_class: type[ModelAdmin[Any]] | None = None, **options: Any
    ) -> None:
        """As the admin does, with the record mixed in."""
        base: Any = admin_class or ModelAdmin
        super().register(model_or_iterable, type(base.__name__, (Recorded, base), {}), **options)


class Config(AdminConfig):
    """Django's admin, with our site."""

    default_site = "hitl_site.administration.Site"


def _tell(type: str, request: HttpRequest, obj: Any, message: Any) -> None:
    user: Any = request.user
    with transaction.atomic():
        what = {"model": obj._meta.label_lower, "pk": str(obj.pk), "name": str(obj)[:200]}
        audit.append(type, stream=STREAM, actor=user, **what, changes=_named(message))


def _given(form: Any) -> Iterator[tuple[str, Any]]:
    """Switches, and rows that were chosen: they hold no secret. Of anything else only the name of the field is told."""
    for name in form.changed_data:
        value = form.cleaned_data.get(name)
        match form.fields.get(name):
            case forms.ModelMultipleChoiceField():
                before, after = (set(map(str, rows or [])) for rows in (form.initial.get(name), value))
                yield name, {"added": sorted(after - before), "removed": sorted(before - after)}
            case forms.ModelChoiceField():
                yield name, str(value) if value else None
            case forms.BooleanField():
                yield name, value


def _named(message: Any) -> list[dict[str, Any]]:
    """What the admin says was changed; where it says so in words alone, nothing."""
    return message if isinstance(message, list) else []
