"""Policies in the admin. The rules about them, and the writing, are the rulebook's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import path

from approvals import backtest, backtest_words, drafts, rulebook, suggestions, timeouts
from approvals.drafts import Draft
from approvals.models import EscalationStep, Policy, Requirement
from approvals.states import OnTimeout
from approvals.timeouts import Step

SIGNS, STEPS = "requirements", "steps"
#: How far back a page looks: it must answer while somebody waits. The command looks further.
DAYS, MOST = 30, 20_000
STALE = "Somebody has changed this policy since this page was drawn. Load it again and change what is in force now."
#: While the policy's own fields are judged its steps are not known yet.
ANY_STEP = (Step(group="", needed=1, deadline_seconds=1),)


class PolicyForm(forms.ModelForm):
    """Says what is wrong with a policy before it can be in force."""

    #: The version that the form was drawn with: who saves an old one would take back what somebody else made stricter.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Policy
        fields: ClassVar = list(drafts.KEYS)
        help_texts: ClassVar = {
            "condition": "CEL over action, args, graph, requester, confidence and risk, as its card says it; "
            "empty matches always. For example double(args.amount) > 1000.0, or with what the same payee got in a day: "
            'total("args.amount", "args.to", 24) + double(args.amount) > 1000.0. '
            'count("requester", 1) is how many requests the same person made in the last hour.'
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """A stored policy says which version this is."""
        super().__init__(*args, **kwargs)
        self.initial["seen"] = self.instance.version if self.instance.pk else None

    def clean(self) -> dict[str, Any]:
        """What the rulebook finds, beside the field it is about; who signs is said beside the signers."""
        data: dict[str, Any] = super().clean() or {}
        if self.instance.pk and data.get("seen") != self.instance.version:
            raise forms.ValidationError(STALE)
        if self.errors:
            return data  # half a policy cannot be judged
        steps = ANY_STEP if data["on_timeout"] == OnTimeout.ESCALATE else ()
        for problem in drafts.problems(drafts.new(data, steps=steps)):
            if problem.key not in {SIGNS, STEPS}:
                self.add_error(problem.key if problem.key in self.fields else None, problem.sentence)
        return data


class RequirementFormSet(forms.BaseInlineFormSet):
    """Who must sign."""

    def clean(self) -> None:
        """Refuse what the rulebook refuses, and a gate that nobody can satisfy now."""
        super().clean()
        if any(self.errors):
            return
        draft = drafts.new({key: getattr(self.instance, key) for key in drafts.KEYS}, self.wanted)
        found = [*drafts.problems(draft), *drafts.shortfalls(draft)]
        wrong = [problem.sentence for problem in found if problem.key == SIGNS]
        if wrong:
            raise forms.ValidationError(wrong)

    @property
    def wanted(self) -> dict[str, int]:
        """How many of which group, without the rows that go."""
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        return {row["group"].name: row["needed"] for row in rows if not row.get("DELETE")}


class StepFormSet(forms.BaseInlineFormSet):
    """Who is next when nobody decided in time."""

    def clean(self) -> None:
        """Refuse escalation to nobody, steps that nothing leads to, and groups that cannot sign now."""
        super().clean()
        if any(self.errors):
            return
        draft = drafts.new({key: getattr(self.instance, key) for key in drafts.KEYS}, steps=self.wanted)
        found = [*timeouts.idle(draft.plan), *(p.sentence for p in drafts.shortfalls(draft) if p.key == STEPS)]
        if found:
            raise forms.ValidationError(found)

    @property
    def wanted(self) -> list[Step]:
        """The steps in order, without the rows that go."""
        rows = [form.cleaned_data for form in self.forms if getattr(form, "cleaned_data", None)]
        kept = sorted((row for row in rows if not row.get("DELETE")), key=lambda row: row["position"])
        return [
            Step(group=row["group"].name, needed=row["needed"], deadline_seconds=row["deadline_seconds"])
            for row in kept
        ]


class StepInline(admin.TabularInline):
    """Who is next when nobody decided in time."""

    model = EscalationStep
    formset = StepFormSet
    extra = 0


class RequirementInline(admin.TabularInline):
    """Who must sign."""

    model = Requirement
    formset = RequirementFormSet
    extra = 1


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):
    """Policies, in the order in which they are tried."""

    form = PolicyForm
    inlines: ClassVar = [RequirementInline, StepInline]
    list_display = ("name", "position", "enabled", "graph", "action", "risk", "gate", "on_timeout", "version")
    list_filter = ("enabled", "risk", "gate")
    search_fields = ("name", "action", "graph")
    readonly_fields = ("version",)

    def get_urls(self) -> list[Any]:
        """The backtest of a new policy and of a changed one stand beside their forms."""
        view = self.admin_site.admin_view(self.try_out)
        return [
            path("backtest/", view, name="approvals_policy_backtest"),
            path("<int:object_id>/backtest/", view, name="approvals_policy_backtest"),
            *super().get_urls(),
        ]

    def try_out(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """What the policy in the form, saved or not, would have made of past requests. Nothing is saved."""
        stored = self.get_object(request, str(object_id)) if object_id else None
        if not self.has_change_permission(request, stored):
            raise PermissionDenied
        if request.method != "POST":
            return self._try_softer(request, stored) if stored else HttpResponseNotAllowed(["POST"])
        form = self.get_form(request, stored, change=stored is not None)(request.POST, instance=stored)
        form.is_valid()  # the formsets look at the policy that this makes
        # The way in which the admin itself makes them; the stubs do not know of it.
        formsets, _ = self._create_formsets(request, form.instance, change=stored is not None)  # type: ignore[attr-defined]
        context = {**self.admin_site.each_context(request), "title": "Backtest", "opts": self.opts}
        wrong = [form.errors, *(formset.errors for formset in formsets)]
        context["errors"] = [*_sentences(wrong), *(e for f in formsets for e in f.non_form_errors())]
        if context["errors"]:
            return render(request, "admin/approvals/policy/backtest.html", context, status=422)
        return self._tried(request, stored, _draft(form, formsets), context)

    def _try_softer(self, request: HttpRequest, stored: Policy) -> HttpResponse:
        """The stored policy one step softer, as its figures suggest."""
        context = {**self.admin_site.each_context(request), "title": "Backtest", "opts": self.opts, "stored": stored}
        found = suggestions.softer(stored)
        draft, context["step"] = found or (drafts.of(stored), "")
        return self._tried(request, stored, draft, context)

    def _tried(
        self, request: HttpRequest, stored: Policy | None, draft: Draft, context: dict[str, Any]
    ) -> HttpResponse:
        policy = Policy.objects.get(pk=stored.pk) if stored else None
        rules = backtest.after(lambda: rulebook.save(draft, actor=_actor(request), source="admin", policy=policy))
        context["report"] = list(backtest_words.lines(backtest.run(rules, days=DAYS, most=MOST)))
        return render(request, "admin/approvals/policy/backtest.html", context | {"name": draft.name, "most": MOST})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Of two who save one policy at once, the second form is checked against what the first has made of it."""
        if request.method != "POST":
            return super().changeform_view(request, *args, **kwargs)
        with transaction.atomic():
            rulebook.take_turns()
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        """Nothing yet: a policy is written whole, with those who sign it."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Hand the policy to the rulebook, which writes it, its version and its audit entry."""
        for formset in formsets:
            formset.save(commit=False)  # the admin's own log reads from it what was changed
        policy = Policy.objects.get(pk=form.instance.pk) if change else None
        saved = rulebook.save(_draft(form, formsets), actor=_actor(request), source="admin", policy=policy)
        form.instance.pk, form.instance._state.adding = saved.pk, False

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        """A deletion is a fact too."""
        rulebook.delete(obj, actor=_actor(request), source="admin")

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Each deletion is a fact of its own."""
        for policy in queryset:
            self.delete_model(request, policy)


def _draft(form: Any, formsets: Any) -> Draft:
    signs = next(formset for formset in formsets if isinstance(formset, RequirementFormSet))
    steps = next(formset for formset in formsets if isinstance(formset, StepFormSet))
    return drafts.new(form.cleaned_data, signs.wanted, steps.wanted)


def _sentences(errors: Any) -> Iterator[str]:
    """What is wrong, as flat sentences: a form's errors are a dict, a formset's a list of dicts."""
    for found in errors:
        for by_field in found if isinstance(found, list) else [found]:
            for name, sentences in by_field.items():
                yield from (f"{name}: {sentence}" if name != "__all__" else sentence for sentence in sentences)


def _actor(request: HttpRequest) -> Any:
    return request.user
