"""Where the delivery configuration is found; tasks.domain.delivery_text reads it."""

import os
from pathlib import Path

from tasks.domain.delivery import Delivery
from tasks.domain.delivery_text import parse_delivery
from tasks.domain.errors import ConfigurationError

VARIABLE = "TIDEGATE_DELIVERY"
DEFAULT_FILE = "deployments/delivery.yaml"


def delivery_file() -> Path:
    """The file that TIDEGATE_DELIVERY names, or deployments/delivery.yaml below the working directory."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_FILE)


def read_delivery(file: Path | None = None) -> Delivery:
    """The configuration in the file, or in the one that is found; raises ConfigurationError with every mistake."""
    file = file or delivery_file()
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(
            f"the delivery configuration {file} cannot be read ({error.strerror}); name it in {VARIABLE}, "
            f"or work in the folder that holds {DEFAULT_FILE}"
        ) from None
    return parse_delivery(text, file=str(file))
