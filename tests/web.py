"""The checks of 08, the web server: all of them, and what runs them."""

import web_connections  # noqa: F401
import web_bodies       # noqa: F401
import web_heads        # noqa: F401
import web_files        # noqa: F401
import web_versions     # noqa: F401
import web_server       # noqa: F401
import web_clients      # noqa: F401
from web_talk import Test  # noqa: F401
