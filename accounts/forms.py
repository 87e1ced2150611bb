"""Forms for accounts."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User

TAKEN = gettext_lazy("There is already an account with this e-mail address.")


class NameForm(forms.ModelForm):
    first_name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=150,
        required=False,
        help_text=gettext_lazy("The name you want to be called by. Nobody else sees it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    class Meta:
        model = User
        fields = ("first_name",)

    def save(self, commit: bool = True) -> User:
        self.instance.last_name = ""  # Google sends two names; here they are one field
        user: User = super().save(commit)
        return user


class AddressForm(forms.Form):
    """A new e-mail address, confirmed by the password because the site sends no mail."""

    email = forms.EmailField(
        label=gettext_lazy("New e-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise forms.ValidationError(TAKEN)
        return email

    def clean_password(self) -> str:
        return check_own_password(self.user, self.cleaned_data["password"])


class DeletionForm(forms.Form):
    """Confirmation by password, or by typing the address for an account without a password."""

    confirmation = forms.CharField(strip=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field = self.fields["confirmation"]
        if user.has_usable_password():
            field.label = _("Your password")
            field.widget = forms.PasswordInput(attrs={"autocomplete": "current-password"})
        else:
            field.label = _("Type %(email)s to continue") % {"email": user.email}
            field.widget = forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"})

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"]
        if self.user.has_usable_password():
            return check_own_password(self.user, typed)
        if typed.strip().lower() != self.user.email.lower():
            raise forms.ValidationError(_("That is not the address of this account."))
        return typed


class FirstOperatorForm(forms.Form):
    """The first operator's account."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters, and not one of the common ones."),
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(TAKEN)
        return email

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "password" in data:
            try:
                password_validation.validate_password(data["password"], User(email=data.get("email", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


def check_own_password(user: User, password: str) -> str:
    """Return the password. Raises ValidationError when it is wrong."""
    if not user.check_password(password):
        raise forms.ValidationError(_("That is not your password."))
    return password
