#!/usr/bin/env python
"""Countersign's command line: `manage.py up` runs everything, `manage.py help` lists the rest."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run one management command; a database that is not there is one sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hitl_site.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    from hitl_site import health

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        return 1
    except OperationalError as error:
        sentence = health.explain(error)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
