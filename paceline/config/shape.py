"""What all shapes of the configuration file have in common.

In: values from YAML or JSON. Out: frozen Pydantic models. Guarantee: every key is known; unknown
ones are reported together with everything else.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from paceline.config.problems import meant
from paceline.config.source import Map

Name = Annotated[str, Field(min_length=1, max_length=200)]
Sentence = Annotated[str, Field(max_length=2000)]


class Shape(BaseModel):
    """A mapping whose keys are all known; others are reported together with everything else."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Map) or info.context is None:
            return value
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for key in value.keys() - known:
            what = f"unknown key `{key}`; {meant(key, known)}"
            info.context.report((*value.path, key), what, key=True)
        return {key: value[key] for key in value if key in known}
