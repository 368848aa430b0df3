"""Small readers for the environment: each returns a checked value or stops with one sentence naming it."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError, conninfo

env = environ.Env()

#: libpq's names for what Django keeps as settings of their own; the rest (sslmode …) is passed through.
_DJANGO_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def flag(name: str, *, default: bool) -> bool:
    """Read a switch: on/off, true/false, yes/no, 1/0."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "on", "true", "yes"}:
        return True
    if value in {"0", "off", "false", "no"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {value!r}.")


def text(name: str, *, default: str = "") -> str:
    """Read a text without the blanks around it."""
    return os.environ.get(name, "").strip() or default


def number(name: str, *, default: int, least: int, most: int, of: str = "") -> int:
    """Read a whole number."""
    value = text(name, default=str(default))
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
        raise ImproperlyConfigured(f"{name} must be a whole number{of} from {least} to {most}, not {value!r}.")
    return int(value)


def seconds(name: str, *, default: int, least: int, most: int) -> int:
    """Read a whole number of seconds."""
    return number(name, default=default, least=least, most=most, of=" of seconds")


def secret(name: str, *, shortest: int = 16) -> str:
    """Read a secret that nobody can guess; empty where it is not set."""
    value = text(name)
    if value and (len(value) < shortest or not value.isascii()):
        raise ImproperlyConfigured(f"{name} must have at least {shortest} plain characters.")
    return value


def words(name: str, *, default: tuple[str, ...] = ()) -> list[str]:
    """Read a comma-separated list."""
    value = os.environ.get(name, "")
    return [part.strip() for part in value.split(",") if part.strip()] or list(default)


def globs(name: str) -> list[str]:
    """Read a comma-separated list of names in which `*` stands for any letters; none of them is empty."""
    found = [part.strip() for part in text(name).split(",")] if text(name) else []
    for glob in found:
        if not re.fullmatch(r"[\w*.-]*[\w]{2}[\w*.-]*", glob):
            raise ImproperlyConfigured(f"{name} names {glob!r}, which is no name such as iban or *_code.")
    return found


def choices(name: str, *, among: tuple[str, ...], default: tuple[str, ...]) -> list[str]:
    """Read a comma-separated list of known words; `none` empties it."""
    chosen = words(name, default=default)
    if chosen == ["none"]:
        return []
    for word in chosen:
        if word not in among:
            raise ImproperlyConfigured(f"{name} knows {', '.join(among)} and none, not {word!r}.")
    return chosen


def choice(name: str, *, among: tuple[str, ...], default: str) -> str:
    """Read one of some known words."""
    chosen = text(name, default=default)
    if chosen not in among:
        raise ImproperlyConfigured(f"{name} knows {', '.join(among)}, not {chosen!r}.")
    return chosen


def files(name: str) -> list[Path]:
    """Read a `:`-separated list of files that must exist."""
    paths = [Path(part).expanduser().absolute() for part in text(name).split(":") if part.strip()]
    for path in paths:
        if not path.is_file():
            raise ImproperlyConfigured(f"{name} names {path}, which is not a file.")
    return paths


def places(name: str) -> list[str]:
    """Read a comma-separated list of addresses that signed heads are brought to."""
    found = words(name)
    for place in found:
        try:
            parts = urlsplit(place)
            is_good = parts.port is None or parts.port > 0
        except ValueError:
            is_good = False
        is_path = is_good and not parts.netloc and parts.path.startswith("/")
        is_here = is_path and parts.scheme in {"file", "syslog+unix"}
        is_host = is_good and parts.scheme in {"syslog", "syslog+tcp", "https"} and parts.hostname
        is_own = is_good and parts.scheme == "http" and _is_this_machine(parts.hostname or "")
        if not is_here and not is_host and not is_own:
            known = (
                "file:///path, syslog+unix:///dev/log, syslog://host:port, syslog+tcp://host:port or https://host/path "
                "(http:// to this machine alone)"
            )
            raise ImproperlyConfigured(f"{name} names {place!r}, which is not {known}.")
    return found


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def folder(name: str, *, default: Path) -> Path:
    """Read the path of a folder, which need not exist yet."""
    found = Path(text(name, default=str(default))).expanduser().absolute()
    if found.exists() and not found.is_dir():
        raise ImproperlyConfigured(f"{name} names {found}, which is not a folder.")
    return found


def file(name: str) -> Path | None:
    """Read the path of one file that must exist, if it is set."""
    path = text(name)
    if not path:
        return None
    found = Path(path).expanduser().absolute()
    if not found.is_file():
        raise ImproperlyConfigured(f"{name} names {found}, which is not a file.")
    return found


def url(name: str, *, noted_in: Path, default: str) -> str:
    """Read an http(s) address without path, as browsers see it."""
    value = (text(name) or _noted(noted_in) or default).rstrip("/")
    try:
        parts = urlsplit(value)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        port_is_good = False
    if not port_is_good or parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
        raise ImproperlyConfigured(f"{name} must look like https://approvals.example.com, not {value!r}.")
    return value


def _noted(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def secret_key(name: str, *, kept_in: Path) -> str:
    """Read the secret key, or make one once and keep it in `kept_in`, readable by its owner alone."""
    value = text(name)
    if value:
        if len(value) < 50 or len(set(value)) < 5:
            raise ImproperlyConfigured(f"{name} must be at least 50 characters and not a repetition.")
        return value
    try:
        return _kept_secret(kept_in)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Countersign cannot keep its secret key in {kept_in} ({error.strerror}): "
            f"make COUNTERSIGN_DATA_DIR a folder this user may write to, or set {name}."
        ) from error


def _kept_secret(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked, so two processes that start together end up with one and the same key.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def database(name: str, *, default: str) -> tuple[str, dict[str, Any]]:
    """Read a libpq address; return it with the settings Django makes of it."""
    address = text(name, default=default)
    wrong = f"{name} must look like postgresql://user:password@host:5432/database."
    if not address.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(wrong)
    try:
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(address).items()}
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"{wrong} ({' '.join(str(error).split())})") from error
    if not parts.get("dbname"):
        raise ImproperlyConfigured(f"{wrong} It names no database.")
    if not all(port.isdecimal() for port in parts.get("port", "5432").split(",") if port):
        raise ImproperlyConfigured(f"{wrong} Its port is not a number.")
    settings: dict[str, Any] = {_DJANGO_NAMES[key]: parts.pop(key) for key in _DJANGO_NAMES if key in parts}
    settings["OPTIONS"] = dict(parts)
    return address, settings


def email(name: str) -> dict[str, Any]:
    """Read `smtp://user:password@host:25` (also smtp+tls, smtp+ssl) as Django's e-mail settings."""
    if not text(name):
        return {}
    try:
        return dict(env.email_url(name))
    except (KeyError, ValueError, ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"{name} must look like smtp+tls://user:password@host:587.") from error
