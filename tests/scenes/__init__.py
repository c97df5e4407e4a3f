"""What tests/demo plays: a scene for each stage."""

from scenes import echo, web  # noqa: F401
from scenes.tools import SCENES, Untrue, screen  # noqa: F401
