"""Files that are written whole or not at all."""

import json
import os
import pathlib


class replacing:
    """Context of a temporary path that takes the place of `path` at the end, whole or not at all."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")

    def __enter__(self):
        return self.temporary

    def __exit__(self, kind, error, trace):
        if kind is None:
            os.chmod(self.temporary, 0o644)
            os.replace(self.temporary, self.path)
        else:
            self.temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.filename == str(self.temporary):
                error.filename = str(self.path)  # what the user asked for


def write_json(path, value):
    """Writes JSON in one step."""
    with replacing(path) as temporary:
        text = json.dumps(value, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
