"""Admin page of users: their accounts and the storage they use."""

from typing import Any

from allauth.usersessions.admin import UserSessionAdmin
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import BigIntegerField, Model, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from accounts import services
from accounts.models import User
from mixes.models import Artifact, Artwork, Track

# django-allauth searches by user name, a field this user model does not have
UserSessionAdmin.search_fields = ["user__email", "ip"]


class UserCreationForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)


def kept_bytes(model: type[Model], owner: str) -> Coalesce:
    """Return an expression: the sum of a model's file sizes for one user, in bytes."""
    rows = model._default_manager.filter(**{owner: OuterRef("pk")}).order_by().values(owner)
    total = Subquery(rows.annotate(total=Sum("size")).values("total"), output_field=BigIntegerField())
    return Coalesce(total, 0)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    add_form = UserCreationForm
    list_display = ("email", "storage", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    date_hierarchy = "date_joined"
    readonly_fields = ("storage", "date_joined", "last_login")
    fieldsets = (
        (None, {"fields": ("email", "password", "storage")}),
        ("Name", {"fields": ("first_name", "last_name")}),
        (
            "Rights",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        kept = kept_bytes(Track, "owner") + kept_bytes(Artwork, "owner") + kept_bytes(Artifact, "job__owner")
        users: QuerySet[Model] = super().get_queryset(request).annotate(kept=kept)
        return users

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """Mark an address that an operator entered as verified; its owner could not sign in otherwise."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.emailaddress_set.all().delete()
            obj.emailaddress_set.create(email=obj.email.lower(), verified=True, primary=True)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete a user with all their data, files included."""
        try:
            services.delete_account(obj)
        except services.LastOperator:
            self.message_user(request, "The last operator stays: create another one first.", messages.ERROR)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            self.delete_model(request, user)

    @admin.display(description="storage", ordering="kept")
    def storage(self, user: Any) -> str:
        return filesizeformat(getattr(user, "kept", 0))
