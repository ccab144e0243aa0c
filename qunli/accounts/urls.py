from allauth.account.views import reauthenticate
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from qunli.accounts import views

own: list[URLPattern | URLResolver] = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/code/", views.code, name="code"),
    path("sign-in/code/again/", views.code_again, name="code_again"),
    path("sign-in/password/", views.password_sign_in, name="password_sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("sign-in/again/", views.start_again, name="start_again"),
    path("inbox/", views.inbox, name="inbox"),
    path("", views.settings_page, name="settings"),
    path("confirm/", views.confirm, name="confirm"),
    path("password/", views.password, name="password"),
    path("phone/", views.phone, name="phone"),
    path("security/", views.security, name="security"),
    path("second-factor/", views.second_factor, name="second_factor"),
    path("sessions/", views.sessions, name="sessions"),
    path("sessions/sign-out/", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("sessions/<str:key>/sign-out/", views.sign_out_there, name="sign_out_there"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", views.revoke_token, name="revoke_token"),
]

# Names that allauth goes to; its own forms of signing in and up are not offered.
names: list[URLPattern | URLResolver] = [
    path("login/", views.sign_in, name="account_login"),
    path("logout/", views.sign_out, name="account_logout"),
    path("reauthenticate/", reauthenticate, name="account_reauthenticate"),
    path("inactive/", views.sign_in, name="account_inactive"),
    path("outside/failed/", views.outside_failed, name="socialaccount_login_error"),
    path("outside/cancelled/", views.outside_failed, name="socialaccount_login_cancelled"),
    path("outside/connected/", views.settings_page, name="socialaccount_connections"),
    path("outside/sign-up/", views.sign_in, name="socialaccount_signup"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include((own, "accounts"))),
    path("accounts/", include(names)),
    path("accounts/factor/", include("allauth.mfa.urls")),
    # Only what QUNLI_OIDC_* and QUNLI_WECHAT_* have switched on.
    *(path("accounts/outside/", include(f"{app}.urls")) for app in settings.INSTALLED_APPS if ".socialaccount.providers." in app),
]
