"""Which incidents are followed up, and when what is due: the rules as a file."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from suture.domain.errors import Invalid
from suture.domain.post_incident import PostIncidentRules

SHIPPED = Path(__file__).with_name("post_incident.yaml")


def load_post_incident(path: Path | None = None) -> PostIncidentRules:
    """Read the rules, the shipped ones by default; raises Invalid that names the file and what is wrong."""
    file = path or SHIPPED
    try:
        return PostIncidentRules.model_validate(yaml.safe_load(file.read_text()) or {})
    except OSError as e:
        raise Invalid(f"cannot read the post-incident rules {file}: {e.strerror}") from e
    except yaml.YAMLError as e:
        raise Invalid(f"{file} is not YAML: {e}") from e
    except ValidationError as e:
        found = "; ".join(f"{'.'.join(map(str, x['loc'])) or 'file'}: {x['msg']}" for x in e.errors()[:5])
        raise Invalid(f"the post-incident rules {file} are not valid: {found}") from e
