"""Storage of static files: hashed names, compressed, also in the imports of our own scripts."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

# import { a, b } from "./other.js";
IMPORTS = (
    r"""(?P<matched>import\s(?P<names>[^;"']*?)\sfrom\s"(?P<url>\./[^"]+)";)""",
    """import %(names)s from "%(url)s";""",
)


class StaticFiles(CompressedManifestStaticFilesStorage):
    """WhiteNoise's storage that also writes hashed names into the imports of our scripts.

    Django's own switch for that reads the scripts of packages too, and some of those import missing files.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", (IMPORTS,)))
