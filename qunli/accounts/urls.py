from django.urls import URLPattern, URLResolver, include, path

from qunli.accounts import views

own: list[URLPattern | URLResolver] = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/code/", views.code, name="code"),
    path("sign-in/code/again/", views.code_again, name="code_again"),
    path("sign-in/password/", views.password_sign_in, name="password_sign_in"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("inbox/", views.inbox, name="inbox"),
]

# Names that allauth goes to; its own forms of signing in and up are not offered.
names: list[URLPattern | URLResolver] = [
    path("login/", views.sign_in, name="account_login"),
    path("logout/", views.sign_out, name="account_logout"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include((own, "accounts"))),
    path("accounts/", include(names)),
    path("accounts/factor/", include("allauth.mfa.urls")),
]
