"""The Django admin: policies editable with validation that explains; tickets and the record read-only."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from approvals import audit, conditions
from approvals.models import AuditEntry, Decision, Policy, Requirement, Revision, Ticket, TicketRequirement
from approvals.policy import terms_of
from approvals.states import Gate, OnTimeout, Risk

#: What a later release adds; saving one now would promise what nothing keeps.
NOT_YET_GATES = {Gate.SOFT, Gate.MANUAL}
NOT_YET_TIMEOUTS = {OnTimeout.ESCALATE, OnTimeout.APPROVE, OnTimeout.ANSWER}


class PolicyForm(forms.ModelForm):
    """Says what is wrong with a policy before it can be in force."""

    class Meta:
        model = Policy
        fields: ClassVar = [
            "name",
            "position",
            "enabled",
            "graph",
            "action",
            "condition",
            "risk",
            "gate",
            "deadline_seconds",
            "on_timeout",
            "bar_requester",
            "deny_threshold",
            "recall_seconds",
            "max_requests",
        ]

    def clean_condition(self) -> str:
        """The condition must be CEL over the known variables."""
        condition: str = self.cleaned_data["condition"].strip()
        if condition:
            try:
                conditions.compiled(condition)
            except conditions.ConditionError as error:
                raise forms.ValidationError(f"This condition cannot be used: {error}.") from error
        return condition

    def clean_gate(self) -> str:
        """Only gates that are kept."""
        gate: str = self.cleaned_data["gate"]
        if gate in NOT_YET_GATES:
            raise forms.ValidationError(f"The gate “{gate}” is not available yet; choose auto or hard.")
        return gate

    def clean_on_timeout(self) -> str:
        """Only timeouts that are kept."""
        timeout: str = self.cleaned_data["on_timeout"]
        if timeout in NOT_YET_TIMEOUTS:
            raise forms.ValidationError(f"“{timeout}” at the deadline is not available yet; choose reject.")
        return timeout

    def clean(self) -> dict[str, Any]:
        """What only makes sense together."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("gate") == Gate.AUTO and data.get("risk") in {Risk.HIGH, Risk.CRITICAL}:
            self.add_error("gate", "An action of high or critical risk never runs without a person.")
        if data.get("gate") == Gate.HARD and not data.get("deadline_seconds"):
            self.add_error("deadline_seconds", "A ticket that waits for people needs a deadline.")
        return data


class RequirementFormSet(forms.BaseInlineFormSet):
    """A gate that waits needs somebody to wait for."""

    def clean(self) -> None:
        """Refuse a hard gate that nobody can satisfy."""
        super().clean()
        kept = [f.cleaned_data for f in self.forms if getattr(f, "cleaned_data", None)]
        wanted = [data for data in kept if not data.get("DELETE")]
        if self.instance.gate == Gate.HARD and not wanted:
            raise forms.ValidationError("A ticket under a hard gate needs at least one group that signs.")
        for data in wanted:
            group, needed = data["group"], data["needed"]
            members = group.user_set.filter(is_active=True).count()
            if needed > members:
                raise forms.ValidationError(
                    f"{needed} of {group} can never sign: the group has {members} active member(s)."
                )


class RequirementInline(admin.TabularInline):
    """Who must sign."""

    model = Requirement
    formset = RequirementFormSet
    extra = 1


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):
    """Policies, in the order in which they are tried."""

    form = PolicyForm
    inlines: ClassVar = [RequirementInline]
    list_display = ("name", "position", "enabled", "graph", "action", "risk", "gate", "on_timeout", "version")
    list_filter = ("enabled", "risk", "gate")
    search_fields = ("name", "action", "graph")
    readonly_fields = ("version",)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A change makes the next version and its audit entry, in the admin's own transaction."""
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            policy = form.instance
            if change:
                Policy.objects.filter(pk=policy.pk).update(version=F("version") + 1)
                policy.refresh_from_db()
            kind = "policy.changed" if change else "policy.created"
            self._record(kind, policy, request)

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        """A deletion is a fact too."""
        with transaction.atomic():
            self._record("policy.deleted", obj, request)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Each deletion is a fact of its own."""
        for policy in queryset:
            self.delete_model(request, policy)

    def _record(self, kind: str, policy: Policy, request: HttpRequest) -> None:
        user: Any = request.user
        audit.append(kind, stream="system/policy", actor=user, policy=terms_of(policy).snapshot())


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


class RevisionInline(ReadOnly, admin.TabularInline):
    """The versions of the arguments."""

    model = Revision
    extra = 0


class DecisionInline(ReadOnly, admin.TabularInline):
    """Who said what."""

    model = Decision
    extra = 0


class TicketRequirementInline(ReadOnly, admin.TabularInline):
    """Who must sign."""

    model = TicketRequirement
    extra = 0


@admin.register(Ticket)
class TicketAdmin(ReadOnly, admin.ModelAdmin):
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


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, admin.ModelAdmin):
    """The record, read-only."""

    list_display = ("id", "at", "stream", "seq", "type", "actor_name")
    list_filter = ("type",)
    search_fields = ("stream", "actor_name")
    readonly_fields = ("words",)
    exclude = ("body", "prev", "hash")

    @admin.display(description="Body")
    def words(self, entry: AuditEntry) -> str:
        """The canonical bytes as text."""
        return bytes(entry.body).decode()
