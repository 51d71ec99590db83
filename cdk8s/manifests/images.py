"""Which images a stage runs: `images/<stage>.json`, written by `payments images pin`."""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "images"

# What a stage without pins gets: valid for every schema, and no registry can ever have it.
UNPINNED = "sha256:" + "0" * 64
_NOWHERE = "unpinned.invalid"


class ImagesError(ValueError):
    """The file is not what `payments images pin` writes."""


class Images:
    """The images of one stage."""

    def __init__(self, pins: dict[str, str]) -> None:
        self._pins = pins

    @classmethod
    def of(cls, stage: str, folder: Path = FOLDER) -> "Images":
        """Read a stage's pins; without a file every image is a placeholder, which the check refuses where it matters.

        Raises:
            ImagesError: the file is not a map from image to `repository@sha256:…`.
        """
        path = folder / f"{stage}.json"
        if not path.exists():
            return cls({})
        try:
            pins = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ImagesError(f"{path} is not JSON: {error}") from error
        if not isinstance(pins, dict) or not all("@sha256:" in str(pin) for pin in pins.values()):
            raise ImagesError(f"{path} is not a map from image to repository@sha256:…")
        return cls(pins)

    def reference(self, name: str) -> str:
        """Return `repository@sha256:…`."""
        return self._pins.get(name, f"{_NOWHERE}/{name}@{UNPINNED}")

    def short(self, name: str) -> str:
        """Return the beginning of the digest, for names of objects that must change with it."""
        return self.reference(name).partition("@sha256:")[2][:12]
