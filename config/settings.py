"""All settings, read from the environment. script/server and script/manage set DATABASE_URL and make the demonstration's keys."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
from django.utils.translation import gettext_lazy as _

from qunli.kernel import logs

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent
HOME = Path(env.str("QUNLI_HOME", default=str(ROOT / "var")))
env.read_env(HOME / "env")  # what script/ made once; the environment wins

DEBUG = env.bool("QUNLI_DEBUG", default=False)
DEMO = env.bool("QUNLI_DEMO", default=False)
"""The demonstration city: codes land in an inbox page, sample people may be signed in by command."""
DEMO_PASSWORD = env.str("QUNLI_DEMO_PASSWORD", default="")
"""Password of the demonstration's people, made by script/ for each home; empty: they sign in by code only."""
SECRET_KEY = env.str("QUNLI_SECRET_KEY")
CIPHER_KEYS = env.str("QUNLI_CIPHER_KEYS")
INDEX_KEY = env.str("QUNLI_INDEX_KEY")
ALLOWED_HOSTS = env.list("QUNLI_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("QUNLI_ORIGINS", default=[])
TRUSTED_PROXIES = env.int("QUNLI_TRUSTED_PROXIES", default=0)
"""How many proxies of ours stand before the server: X-Forwarded-For is believed only from them."""
CITY_CODE = env.str("QUNLI_CITY", default="510100000000")
AUTHORITY = env.str("QUNLI_AUTHORITY", default="中共成都市委社会工作部")
SITE_URL = env.str("QUNLI_URL", default="http://localhost:8000")
"""The public address of the site, without a slash at the end: stands on certificates and in messages."""
SIGNING_P12 = env.str("QUNLI_SIGNING_P12", default="")
"""PKCS#12 file of the key that signs certificates; empty: the demonstration's own key under HOME."""
SIGNING_PASSPHRASE = env.str("QUNLI_SIGNING_PASSPHRASE", default="")
SIGNING_ROOTS = env.str("QUNLI_SIGNING_ROOTS", default="")
"""PEM file of the roots that are trusted when a signature is checked."""

TILES = env.str("QUNLI_TILES", default="")
"""Address of a tile server for maps, such as https://tiles.example.org/{z}/{x}/{y}.png; empty: district outlines only."""
TILES_ATTRIBUTION = env.str("QUNLI_TILES_ATTRIBUTION", default="")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "pgtrigger",
    "procrastinate.contrib.django",
    "django_htmx",
    "django_cotton.apps.SimpleAppConfig",
    "qunli.kernel",
    "qunli.audit",
    "qunli.divisions",
    "qunli.people",
    "qunli.notices",
    "qunli.accounts",
    "qunli.access",
    "qunli.files",
    "qunli.rules",
    "qunli.cases",
    "qunli.volunteering",
    "qunli.service_hours",
    "qunli.synthetic",
    "qunli.web",
    # After our own rooms, whose templates stand in for theirs.
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "qunli.audit.context.OriginMiddleware",
    "qunli.kernel.metrics.MetricsMiddleware",
    "qunli.kernel.readonly.ReadOnlyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "qunli.accounts.middleware.AccountMiddleware",
    "qunli.accounts.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "qunli.access.middleware.ActorMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "qunli.kernel.http.RefusedMiddleware",
]

# Nothing inline, nothing from elsewhere; the tile server of the maps is the one exception that a city may configure.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "data:", *([TILES.split("/{")[0]] if TILES else [])],
        "connect-src": ["'self'"],
        "media-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
CSRF_FAILURE_VIEW = "qunli.web.errors.csrf_failed"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
AUTH_USER_MODEL = "accounts.Account"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "/"

# Signing in. Codes, lock-out and limits: qunli/accounts/. Sessions: one row each, deleted = signed out at once.
SESSION_ENGINE = "qunli.accounts.sessions"
SESSION_COOKIE_NAME = "qunli_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("QUNLI_HTTPS", default=False)
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesBackend", "qunli.accounts.backends.PhoneBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_CLIENT_IP_CALLABLE = "qunli.audit.context.client_address"
AXES_LOCKOUT_PARAMETERS = ["username"]  # the blind index of the phone: five wrong passwords, wherever from
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True  # sign-ins stand in the audit
AXES_SENSITIVE_PARAMETERS = ["phone", "password", "csrfmiddlewaretoken"]  # what it stores of a failed try holds none of these
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",  # its middleware only draws the page of a lock-out; ours says it in the form
    "axes.W006",  # without the address the lock is stricter: it holds wherever the tries come from
]
ACCOUNT_ADAPTER = "qunli.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_ADAPTER = "qunli.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "群力"
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO
API_TOKEN_ACTOR = "qunli.access.authentication.token_actor"  # noqa: S105
API_RATE = env.int("QUNLI_API_RATE", default=1200)
"""Requests of the API a minute for one token, account or address, over all processes; 0: no limit."""
CALENDAR_SOURCES = ["qunli.volunteering.selectors.calendar_entries"]
"""Functions that give the entries of a person's calendar feed (qunli/notices/feeds.py)."""
LATE_HOURS = env.int("QUNLI_LATE_HOURS", default=48)
"""Hours within which a sign-in that was noted without a network may still be sent: a weekend in the mountains (our design; 办法 11
gives 10 working days for the whole record). What comes later is left to the leader."""
SMS_SENDER = env.str("QUNLI_SMS_SENDER", default="qunli.notices.sms.InboxSender" if DEMO else "qunli.notices.sms.Unconfigured")
OUTSIDE_IDENTITIES: list[dict[str, Any]] = []
"""Shown on the sign-in page; filled from QUNLI_OIDC_* and QUNLI_WECHAT_*."""
SOCIALACCOUNT_ADAPTER = "qunli.accounts.adapters.OutsideAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
SOCIALACCOUNT_STORE_TOKENS = False
if env.str("QUNLI_OIDC_SERVER", default=""):
    _oidc = {"name": env.str("QUNLI_OIDC_NAME", default="OIDC"), "client_id": env.str("QUNLI_OIDC_CLIENT")}
    _oidc |= {
        "provider_id": "city",
        "secret": env.str("QUNLI_OIDC_SECRET"),
        "settings": {"server_url": env.str("QUNLI_OIDC_SERVER")},
    }
    INSTALLED_APPS.append("allauth.socialaccount.providers.openid_connect")
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {"OAUTH_PKCE_ENABLED": True, "APPS": [_oidc]}
    OUTSIDE_IDENTITIES.append({"name": _oidc["name"], "url": "openid_connect_login", "kwargs": {"provider_id": "city"}})
if env.str("QUNLI_WECHAT_CLIENT", default=""):
    INSTALLED_APPS.append("allauth.socialaccount.providers.weixin")
    _wechat = {"client_id": env.str("QUNLI_WECHAT_CLIENT"), "secret": env.str("QUNLI_WECHAT_SECRET")}
    SOCIALACCOUNT_PROVIDERS["weixin"] = {
        "AUTHORIZE_URL": "https://open.weixin.qq.com/connect/qrconnect",
        "SCOPE": ["snsapi_login"],
        "APPS": [_wechat],
    }
    OUTSIDE_IDENTITIES.append({"name": _("微信"), "url": "weixin_login", "kwargs": {}})

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "qunli.web.loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django.templatetags.cache",
                "django_cotton.templatetags.cotton",
                "qunli.web.templatetags.formats",
                "qunli.volunteering.templatetags.volunteering",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "qunli.web.shell.shell",
            ],
        },
    }
]
COTTON_DIR = "components"
COTTON_ISOLATE_BY_DEFAULT = True
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# Parts of pages that say the same to every reader of a kind; each process keeps its own (the tag `cache` looks for this name).
CACHES = {
    # Shared by all processes: allauth counts tries of second factors in it and keeps the codes that were used.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_remembered",
        "KEY_FUNCTION": "qunli.accounts.remembering.digested",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
    "figures": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "figures"},
    "template_fragments": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "fragments",
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}

DATABASES = {"default": env.db_url("DATABASE_URL", engine="django.db.backends.postgresql")}
DATABASES["default"]["HOST"] = unquote(str(DATABASES["default"].get("HOST", "")))  # a socket's directory stands percent-encoded
DATABASES["default"] |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {})
# A page that waits is worse than one that fails: limits for the web; the queue's worker, commands and benches have their own.
LIMITS = {
    "web": "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s",
    "worker": "-c statement_timeout=15min -c lock_timeout=30s -c idle_in_transaction_session_timeout=15min",
    "command": "-c lock_timeout=60s",
}[env.str("QUNLI_PROCESS", default="command")]
DATABASES["default"]["OPTIONS"] |= {"application_name": f"qunli-{env.str('QUNLI_PROCESS', default='command')}", "options": LIMITS}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("中文")), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": HOME / "files"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Headers. HTTPS itself ends at the proxy, which says so in X-Forwarded-Proto.
HTTPS = env.bool("QUNLI_HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = env.int("QUNLI_HSTS_SECONDS", default=365 * 24 * 3600 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

METRICS_TOKEN = env.str("QUNLI_METRICS_TOKEN", default="")
"""Whoever shows it may read /metrics; empty: callers of this machine only."""
LOGGING = logs.configuration(level=env.str("QUNLI_LOG_LEVEL", default="INFO"), plain=env.bool("QUNLI_LOG_PLAIN", default=DEBUG))
