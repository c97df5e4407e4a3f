"""The scenes of tests/demo, one for each stage."""

from scenes import echo, web  # noqa: F401
from scenes.tools import SCENES, Untrue, screen  # noqa: F401
