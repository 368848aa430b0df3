"""What a web process has loaded once and keeps for good is not looked through again while somebody waits."""

from __future__ import annotations

import gc
from importlib import import_module

from django.conf import settings


def settle() -> None:
    """Take all that is loaded by now out of the collector's sight; call it once, before the first request.

    A full collection looks at every object there is. All that was imported is hundreds of thousands of them and
    takes it longer than the slowest page; it would come in the middle of a request, of one in a few dozen.
    """
    import_module(settings.ROOT_URLCONF)  # the views and what they need, which the first request would load
    gc.collect()
    gc.freeze()
