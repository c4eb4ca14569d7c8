"""The schema's revisions, applied in process: no shell, no alembic.ini needed."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"

log = structlog.get_logger()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Leaves a schema alone that is newer than this code."""
    config = Config()
    # A percent sign would be read as interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    newer = _unknown_revisions(connection, config)
    if newer:
        # A process of the version before, started again during an upgrade or after a rollback.
        # Revisions only add, so it can go on with what it finds.
        log.warning("schema_is_newer", revisions=sorted(newer))
        return
    command.upgrade(config, revision)


def _unknown_revisions(connection: Connection, config: Config) -> set[str]:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    return set(MigrationContext.configure(connection).get_current_heads()) - known
