"""What a person is told when a command fails.

In: an exception. Out: one clear line (or one per mistake), without a traceback. Guarantee: an error
that only a programmer can explain is not hidden behind a line: it is None here, and propagates.
"""

from __future__ import annotations


class UserError(Exception):
    """A sentence for whoever typed the command."""


def sentences(error: Exception) -> list[str] | None:
    """The lines to print for an error that its reader can do something about; None for a bug."""
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - only when something failed
    from sqlalchemy.exc import ArgumentError, DBAPIError  # noqa: PLC0415 - the same

    from paceline.config.problems import ConfigError  # noqa: PLC0415 - the same
    from paceline.kafka import LogError  # noqa: PLC0415 - the same
    from paceline.settings import SettingsError  # noqa: PLC0415 - the same
    from paceline.sql.migrate import SchemaError  # noqa: PLC0415 - the same

    if isinstance(error, SettingsError | ConfigError):
        return error.lines
    if isinstance(error, UserError | SchemaError | LogError):
        return [str(error)]
    if isinstance(error, DBAPIError | ArgumentError):
        return [f"the SQL database (PACELINE_SQL) does not work: {_first_line(error)}"]
    if isinstance(error, KafkaError):
        return [f"Kafka (PACELINE_KAFKA) does not answer: {_first_line(error)}"]
    return [_first_line(error)] if isinstance(error, OSError) else None


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
