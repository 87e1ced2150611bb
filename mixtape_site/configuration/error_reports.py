"""What a developer's error page hides of settings and of the environment."""

import re

from django.views.debug import SafeExceptionReporterFilter

PLAIN = SafeExceptionReporterFilter.hidden_settings.pattern


class SecretsFilter(SafeExceptionReporterFilter):
    """Hides addresses that carry a password, too."""

    hidden_settings = re.compile(f"{PLAIN}|(DATABASE|EMAIL|REDIS|CACHE)_URL|CREDENTIAL", re.IGNORECASE)
