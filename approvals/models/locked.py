"""Words that lie locked in the database, and are opened when somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models.query_utils import DeferredAttribute

from approvals import vault


@dataclass(frozen=True)
class Kept:
    """What the database holds."""

    kept: str

    def __bool__(self) -> bool:
        return bool(self.kept)


class Opening(DeferredAttribute):
    """Opens on reading: a row whose key is missing can still be listed, switched off and deleted."""

    field: LockedField

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        """The words. Raises vault.Closed."""
        value = super().__get__(instance, cls)
        return vault.open_(value.kept) if isinstance(value, Kept) else value

    def __set__(self, instance: models.Model, value: str | Kept) -> None:
        instance.__dict__[self.field.attname] = value


class LockedField(models.TextField):  # type: ignore[type-arg]
    """Text for Python, locked in the database, and never to be searched."""

    descriptor_class = Opening

    def from_db_value(self, value: str | None, *_: Any) -> Kept | None:
        """Not opened yet."""
        return None if value is None else Kept(value)

    def get_prep_value(self, value: Any) -> Any:
        """Locked. Raises vault.Closed."""
        return value.kept if isinstance(value, Kept) else value and vault.lock(str(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """What was not touched stays as it is."""
        return model_instance.__dict__[self.attname]

    def value_from_object(self, obj: models.Model) -> str:
        """No form is filled with it, and no dump."""
        return ""

    def is_set(self, instance: models.Model) -> bool:
        """Is there anything to open?"""
        return bool(instance.__dict__[self.attname])
