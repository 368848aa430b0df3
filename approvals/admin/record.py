"""Tickets and the record, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.forms import BaseInlineFormSet
from django.http import HttpRequest

from approvals import grants, history, masks, policy, wording
from approvals.models import AuditEntry, Decision, Grant, PolicyVersion, Revision, Ticket, TicketRequirement


class ReadOnly:
    """Seen, never touched."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted by hand."""
        return False


class Names(admin.AllValuesFieldListFilter):
    """The names there are, to choose from: what cannot be seen in them is shown by its number."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Each with its name for the eye beside the one it stands for."""
        for choice in super().choices(changelist):
            yield {**choice, "display": wording.visible(str(choice["display"]))}


class Hiding:
    """Nothing secret is shown, and nothing hidden: the objects are only read, so it is done in the objects."""

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        """The object without the secrets in its texts and its JSON."""
        return _hidden(super().get_object(*args, **kwargs))  # type: ignore[misc]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, in which every name can be seen."""
        found = super().get_changelist_instance(request)  # type: ignore[misc]
        for row in found.result_list:
            _hidden(row, kinds=models.CharField | models.TextField)
        return found


class HidingRows(BaseInlineFormSet):
    """The same for what belongs to an object."""

    def get_queryset(self) -> Any:
        """The rows, each without its secrets."""
        found = super().get_queryset()
        for row in found:
            _hidden(row)
        return found


def _hidden(row: Any, *, kinds: Any = models.JSONField | models.TextField | models.CharField) -> Any:
    for field in row._meta.fields if row else ():
        if isinstance(field, kinds) and not field.primary_key:
            shown = masks.value(getattr(row, field.attname))
            setattr(row, field.attname, wording.visible(shown) if isinstance(shown, str) else shown)
    return row


class RevisionInline(ReadOnly, admin.TabularInline):
    """The versions of the arguments."""

    model = Revision
    formset = HidingRows
    extra = 0


class DecisionInline(ReadOnly, admin.TabularInline):
    """Who said what."""

    model = Decision
    formset = HidingRows
    extra = 0


class TicketRequirementInline(ReadOnly, admin.TabularInline):
    """Who must sign."""

    model = TicketRequirement
    extra = 0


@admin.register(Ticket)
class TicketAdmin(Hiding, ReadOnly, admin.ModelAdmin):
    """Every ticket, read-only: decisions are taken on the ticket's page."""

    list_display = (
        "id",
        "action",
        "graph",
        "risk",
        "state",
        "outcome",
        "execution",
        "opened_at",
        "deadline_at",
    )
    list_filter = ("state", "risk", "execution")
    search_fields = ("action", "graph", "thread_id")
    inlines: ClassVar = [TicketRequirementInline, RevisionInline, DecisionInline]

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """Whoever is to sign without knowing what the others say does not learn it here either."""
        is_hidden = obj is not None and policy.is_blind_for(cast("User", request.user), obj)
        return [TicketRequirementInline] if is_hidden else self.inlines


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, admin.ModelAdmin):
    """The record, read-only."""

    list_display = ("id", "at", "stream", "seq", "type", "actor_name")
    list_filter = ("type",)
    search_fields = ("stream", "actor_name")
    readonly_fields = ("words",)
    exclude = ("body", "prev", "hash")

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the others' opinions on tickets that the reader is to sign without knowing them."""
        hidden = Q(type__in=history.OPINIONS, ticket__in=Ticket.objects.blind_to(request.user))
        return super().get_queryset(request).exclude(hidden & Q(actor__isnull=False) & ~Q(actor=request.user.pk))

    @admin.display(description="Body")
    def words(self, entry: AuditEntry) -> str:
        """The canonical bytes as text."""
        return wording.visible(bytes(entry.body).decode())


@admin.register(Grant)
class GrantAdmin(Hiding, ReadOnly, admin.ModelAdmin):
    """Approvals that are remembered: seen here, and taken back."""

    list_display = ("action", "graph", "requester", "granted_by", "granted_at", "expires_at", "revoked_by")
    list_filter = (("action", Names),)
    actions = ("revoke",)

    @admin.action(description="Take back: the same is asked again", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """End the chosen grants, with an entry each."""
        user: Any = request.user
        ended = sum(grants.revoke(pk, actor=user) for pk in sorted(set(queryset.values_list("ticket", flat=True))))
        self.message_user(request, f"{ended} taken back.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Nothing else about a grant can be changed."""
        return request.user.has_perm("approvals.change_grant")


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnly, admin.ModelAdmin):
    """What each policy said from one change to the next, read-only."""

    list_display = ("name", "version", "change", "by", "source", "at")
    list_filter = ("change", "source")
    search_fields = ("name",)
