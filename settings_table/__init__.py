"""Every setting of every process, read from the settings classes themselves.

For documents and checks only: no process imports it.
"""

from __future__ import annotations

from settings_table.settings import PROCESSES, SettingDoc, settings_by_process

__all__ = ["PROCESSES", "SettingDoc", "settings_by_process"]
