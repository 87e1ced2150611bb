"""Filter for secrets in Django's debug pages."""

import re

from django.views.debug import SafeExceptionReporterFilter

PLAIN = SafeExceptionReporterFilter.hidden_settings.pattern


class SecretsFilter(SafeExceptionReporterFilter):
    """Also hide URLs that contain a password."""

    hidden_settings = re.compile(f"{PLAIN}|(DATABASE|EMAIL|REDIS|CACHE)_URL|CREDENTIAL", re.IGNORECASE)
