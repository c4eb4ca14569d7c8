"""`python -m settings_table` writes docs/settings.md anew."""

from __future__ import annotations

from settings_table.page import PAGE, page

PAGE.write_text(page(), encoding="utf-8")
