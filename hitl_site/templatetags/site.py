"""What every page needs of the site itself."""

from __future__ import annotations

from django import template

from hitl_site import stylesheet

register = template.Library()

register.simple_tag(stylesheet.address, name="stylesheet")
