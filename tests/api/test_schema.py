"""The API does what its own description says, for inputs that a machine makes up from that description."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from suture.api.app import create_app
from suture.api.site import Parts
from suture.telemetry.metrics import Metrics
from tests.api.conftest import settings_of
from tests.api.desk import Paper, Shelf
from tests.ingest.recording import RecordingIncidents, by_labels

TOKEN = "s3cret"
STATE = Path(tempfile.mkdtemp())
APP = create_app(
    settings_of(token=TOKEN, state_dir=STATE),
    RecordingIncidents(),
    by_labels,
    metrics=Metrics(),
    parts=Parts(Shelf(), Paper()),
)
GENERATION = GenerationConfig(allow_x00=False)  # JSON Schema has no words for what databases can't store
CONFIG = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=GENERATION)))
schema = schemathesis.openapi.from_asgi("/openapi.json", APP, config=CONFIG)


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_description_is_true(case: Case[Any]) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})
