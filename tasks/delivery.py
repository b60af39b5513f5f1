"""Where the delivery configuration and its waivers are found; tasks.domain reads them."""

import os
from pathlib import Path

from tasks.domain.delivery.model import Delivery
from tasks.domain.delivery.text import parse_delivery
from tasks.domain.errors import ConfigurationError
from tasks.domain.gates.waiver import Waiver
from tasks.domain.gates.waiver_text import parse_waivers

VARIABLE = "TIDEGATE_DELIVERY"
DEFAULT_FILE = "deployments/delivery.yaml"
DEFAULT_WAIVERS = "waivers.yaml"


def delivery_file() -> Path:
    """The file that TIDEGATE_DELIVERY names, or deployments/delivery.yaml below the working directory."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_FILE)


def read_delivery(file: Path | None = None) -> Delivery:
    """The configuration in the file, or in the one that is found; raises ConfigurationError with every mistake."""
    file = file or delivery_file()
    try:
        text = _text(file)
    except OSError as error:
        raise ConfigurationError(
            f"the delivery configuration {file} cannot be read ({error.strerror}); name it in {VARIABLE}, "
            f"or work in the folder that holds {DEFAULT_FILE}"
        ) from None
    return parse_delivery(text, file=str(file))


def read_waivers(delivery: Delivery, file: Path | None = None) -> tuple[Waiver, ...]:
    """The waivers beside the delivery configuration, which stands in `file` or in the one that is found.

    Raises ConfigurationError with every mistake, and where the configuration names a file that is not there.
    """
    waivers = (file or delivery_file()).parent / (delivery.waivers or DEFAULT_WAIVERS)
    if delivery.waivers is None and not waivers.exists():
        return ()
    try:
        text = _text(waivers)
    except OSError as error:
        raise ConfigurationError(
            f"the waivers {waivers} cannot be read ({error.strerror}); correct `waivers` in the delivery configuration"
        ) from None
    return parse_waivers(text, file=str(waivers), applications=delivery.applications)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
