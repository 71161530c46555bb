"""The validated form of an environment's settings.yaml."""

from terraform.stacks.settings.errors import Problem, SettingsError
from terraform.stacks.settings.load import load_settings, parse_settings
from terraform.stacks.settings.root import Settings

__all__ = ["Problem", "Settings", "SettingsError", "load_settings", "parse_settings"]
