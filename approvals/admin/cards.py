"""Cards of actions in the admin. The writing is the catalogue's."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from approvals import cards, catalogue
from approvals.models import ActionCard


class CardForm(forms.ModelForm):
    """Says what is wrong with a card before it can be in force."""

    class Meta:
        model = ActionCard
        fields: ClassVar = list(catalogue.KEYS)

    def clean(self) -> dict[str, Any]:
        """What a card may not say, beside the field it is about."""
        data: dict[str, Any] = super().clean() or {}
        for key in catalogue.KEYS[3:]:
            try:
                cards.read({key: data[key]} if key in data else {})
            except cards.BadCard as problem:
                self.add_error(key, f"{problem}.")
        return data


@admin.register(ActionCard)
class ActionCardAdmin(admin.ModelAdmin):
    """How actions are shown, and how much of a risk they are."""

    form = CardForm
    list_display = ("action", "graph", "position", "title", "environment", "reversible", "risk")
    list_filter = ("risk",)
    search_fields = ("action", "graph", "title")

    def save_model(self, request: HttpRequest, obj: ActionCard, form: Any, change: bool) -> None:
        """Hand the card to the catalogue, which writes it and its audit entry."""
        catalogue.save(obj, actor=_actor(request))

    def delete_model(self, request: HttpRequest, obj: ActionCard) -> None:
        """A deletion is a fact too."""
        catalogue.delete(obj, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Each deletion is a fact of its own."""
        for row in queryset:
            self.delete_model(request, row)


def _actor(request: HttpRequest) -> Any:
    return request.user
