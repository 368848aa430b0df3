"""Every setting, read from the environment here and nowhere else; the README lists them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from approvals import failpoints
from hitl_site import environment, postgres

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.folder("COUNTERSIGN_DATA_DIR", default=BASE_DIR / "var")

DEBUG = environment.flag("COUNTERSIGN_DEBUG", default=False)
SECRET_KEY = environment.secret_key("COUNTERSIGN_SECRET_KEY", kept_in=DATA_DIR / "secret_key")

# --- where it is served

#: `up` notes its own address in the data dir, so that other commands print links that work.
PUBLIC_URL = environment.url(
    "COUNTERSIGN_PUBLIC_URL", noted_in=DATA_DIR / "public_url", default="http://127.0.0.1:8000"
)
_public = urlsplit(PUBLIC_URL)
_public_host = f"[{_public.hostname}]" if ":" in str(_public.hostname) else str(_public.hostname)
_is_https = _public.scheme == "https"

ALLOWED_HOSTS = environment.words(
    "COUNTERSIGN_ALLOWED_HOSTS",
    default=tuple(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", _public_host])),
)
_port = f":{_public.port}" if _public.port else ""
#: Exact origins that may open a socket: a page of somebody else's must not read the inbox with our cookie.
WEBSOCKET_ORIGINS = list(
    dict.fromkeys(
        [PUBLIC_URL]
        + [f"{_public.scheme}://{host}{_port}" for host in ALLOWED_HOSTS if not host.startswith(("*", "."))]
    )
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
failpoints.arm(environment.text(failpoints.VARIABLE), log=environment.text(failpoints.LOG), address=PUBLIC_URL)
CSRF_FAILURE_VIEW = "hitl_site.failures.csrf"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_NAME = "countersign_session"
CSRF_COOKIE_NAME = "countersign_csrf"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if _is_https:
    # TLS ends at a proxy, which must set this header itself and drop the one a client sends.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other hosts below this name are not ours to force onto HTTPS
    "security.W021",  # nor is the browsers' preload list ours to ask for
]

# --- apps

INSTALLED_APPS = [
    "hitl_site",
    "channels",
    "hitl_site.administration.Config",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "template_partials",
    "csp",
    "procrastinate.contrib.django",
    "approvals",
    "agents",
]
MIDDLEWARE = [
    "hitl_site.timing.Timed",
    # A page of fifty tickets repeats itself: a tenth of it is sent. Django pads it against guessing at its length.
    "django.middleware.gzip.GZipMiddleware",
    "hitl_site.api.ForPrograms",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "hitl_site.charset.Utf8Only",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "hitl_site.entrance.SignInRequired",
    "hitl_site.attendance.Attended",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "hitl_site.urls"
ASGI_APPLICATION = "hitl_site.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "approvals.preferences.in_templates",
            ],
        },
    },
]

#: Who approves something of high risk sooner than this is asked to look once more; 0 asks nobody.
COUNTERSIGN_SECOND_LOOK_SECONDS = environment.seconds("COUNTERSIGN_SECOND_LOOK_SECONDS", default=5, least=0, most=600)

# --- workers

#: How long a run, or a job, still belongs to a worker that has not been heard of. It says so three times as often.
COUNTERSIGN_LEASE_SECONDS = environment.seconds("COUNTERSIGN_LEASE_SECONDS", default=30, least=3, most=600)

# --- database

#: libpq's address of the one database: Django's, the queue's and the checkpointer's.
DATABASE_URL, _database = environment.database("DATABASE_URL", default=postgres.url(DATA_DIR))
#: Whether `up` starts and stops Postgres itself.
EMBEDDED_POSTGRES = not environment.text("DATABASE_URL")
_timeouts = "-c statement_timeout=10s -c lock_timeout=3s -c idle_in_transaction_session_timeout=15s"
_options: dict[str, Any] = _database.pop("OPTIONS")
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "hitl_site.pooled",
        **_database,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "connect_timeout": "5",
            "application_name": "countersign",
            # The same few statements come again and again: each connection keeps their plans.
            "server_side_binding": True,
            "prepare_threshold": 5,
            **_options,
            # Nothing people wait for takes this long; `migrate` lifts the limits for itself.
            "options": f"{_timeouts} {_options.get('options', '')}".strip(),
        },
    },
}
if not EMBEDDED_POSTGRES or postgres.socket(DATA_DIR).exists():
    # A pool waits for a server to come back. Where none was started a command should say so at once.
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 0,
        "max_size": 10,
        "timeout": 6,
        "max_idle": 120,
        "reconnect_timeout": 4,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- signing in

LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "hitl_site.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
#: How long a sign-in counts as fresh: to change an account, and to approve what cannot be undone.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60

MFA_SUPPORTED_TYPES = environment.choices("COUNTERSIGN_MFA", among=("totp", "passkeys"), default=("totp",))
MFA_PASSKEY_LOGIN_ENABLED = "passkeys" in MFA_SUPPORTED_TYPES
MFA_SUPPORTED_TYPES = [{"passkeys": "webauthn"}.get(kind, kind) for kind in MFA_SUPPORTED_TYPES]
if MFA_SUPPORTED_TYPES:
    MFA_SUPPORTED_TYPES.append("recovery_codes")
MFA_TOTP_ISSUER = "Countersign"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

SOCIALACCOUNT_ADAPTER = "hitl_site.accounts.SocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = True
_oidc = {name: environment.text(f"COUNTERSIGN_OIDC_{name}") for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")}
if any(_oidc.values()) and not all(_oidc.values()):
    _missing = next(name for name, value in _oidc.items() if not value)
    raise ImproperlyConfigured(f"COUNTERSIGN_OIDC_{_missing} is missing: single sign-on needs all three.")
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
_oidc_origin: list[str] = []
if all(_oidc.values()):
    _issuer = urlsplit(_oidc["ISSUER"])
    if _issuer.scheme not in {"http", "https"} or not _issuer.netloc:
        raise ImproperlyConfigured("COUNTERSIGN_OIDC_ISSUER must be an address such as https://id.example.com.")
    _oidc_origin = [f"{_issuer.scheme}://{_issuer.netloc}"]
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": environment.text("COUNTERSIGN_OIDC_NAME", default="Single sign-on"),
                "client_id": _oidc["CLIENT_ID"],
                "secret": _oidc["CLIENT_SECRET"],
                "settings": {"server_url": _oidc["ISSUER"]},
            }
        ],
    }

# --- pages: own files only, nothing inline

_SELF, _NONE = ["'self'"], ["'none'"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": _NONE,
        "script-src": _SELF,
        "style-src": _SELF,
        "img-src": _SELF,
        "font-src": _SELF,
        "connect-src": _SELF,
        "manifest-src": _SELF,
        # Chromium also checks where a form is redirected to, and signing in ends at the provider.
        "form-action": _SELF + _oidc_origin,
        "base-uri": _NONE,
        "frame-ancestors": _NONE,
        "object-src": _NONE,
    },
}
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
# Straight from the packages: no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

# --- mail: files unless SMTP is configured

EMAIL_BACKEND = "agents.mail.EmlBackend"
EMAIL_FILE_PATH = str(DATA_DIR / "mail")
DEFAULT_FROM_EMAIL = environment.text("COUNTERSIGN_MAIL_FROM", default="countersign@localhost")
vars().update(environment.email("COUNTERSIGN_SMTP_URL"))

# --- Countersign's own

COUNTERSIGN_GRAPHS = environment.files("COUNTERSIGN_GRAPHS")
COUNTERSIGN_PROTOCOLS = environment.words("COUNTERSIGN_PROTOCOLS")
COUNTERSIGN_POLICIES = environment.file("COUNTERSIGN_POLICIES")
COUNTERSIGN_HEAD_PLACES = environment.places("COUNTERSIGN_HEAD_PLACES")
COUNTERSIGN_SEAL_KEY = environment.file("COUNTERSIGN_SEAL_KEY")
COUNTERSIGN_VAULT_KEY = environment.file("COUNTERSIGN_VAULT_KEY")
COUNTERSIGN_API_RATE = environment.number("COUNTERSIGN_API_RATE", default=6_000, least=1, most=1_000_000)
COUNTERSIGN_SLACK_SECRET = environment.secret("COUNTERSIGN_SLACK_SECRET")
COUNTERSIGN_CALLBACK_SECRET = environment.secret("COUNTERSIGN_CALLBACK_SECRET")
COUNTERSIGN_WEBHOOK_HOSTS = environment.words("COUNTERSIGN_WEBHOOK_HOSTS")
COUNTERSIGN_METRICS_TOKEN = environment.secret("COUNTERSIGN_METRICS_TOKEN")
#: Names of further fields whose values are secrets, as globs.
COUNTERSIGN_SECRET_FIELDS = environment.globs("COUNTERSIGN_SECRET_FIELDS")
COUNTERSIGN_DEMO_PASSWORD = environment.text("COUNTERSIGN_DEMO_PASSWORD")

_STDERR = {
    "class": "logging.StreamHandler",
    "formatter": environment.choice("COUNTERSIGN_LOG", among=("lines", "json"), default="lines"),
}
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": "approvals.logs.Lines"}, "json": {"()": "approvals.logs.JSONLines"}},
    "handlers": {"stderr": _STDERR, "warnings": _STDERR | {"level": "WARNING"}},
    "filters": {
        "outages": {"()": "hitl_site.outages.SaidOnce"},
        "refusals": {"()": "approvals.logs.PlainRefusals"},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django.request": {"filters": ["outages", "refusals"]},
        "approvals": {"level": "INFO"},
        "agents": {"level": "INFO"},
        "hitl_site": {"level": "INFO"},
        # What it says below a warning is read by approvals.notices.ways; it holds addresses and goes nowhere else.
        "apprise": {"level": "DEBUG", "handlers": ["warnings"], "propagate": False},
        # A pool that cannot connect retries and says so every time; the caller hears it once, as an error.
        "psycopg.pool": {"level": "ERROR"},
    },
}
