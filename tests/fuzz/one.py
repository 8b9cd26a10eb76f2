"""One target, fuzzed; or run once over each of some files: ``one.py TARGET FILE ...``.

``fuzz.py`` starts it with a folder and libFuzzer's options; by hand it shows what a file does.
"""

import importlib
import sys
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]


def main(target: str, *arguments: str) -> None:
    """Fuzz, if there is a folder among the arguments, or else run the files."""
    if all(Path(argument).is_file() for argument in arguments):
        run = importlib.import_module("fuzzing").TARGETS[target]
        for argument in arguments:
            run(Path(argument).read_bytes())
            print(f"{argument}: nothing wrong")  # noqa: T201 - a script
        return
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["sansip"]):
        fuzzing = importlib.import_module("fuzzing")

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 1 / 3:
            return bytes(atheris.Mutate(data, most))
        return bytes(fuzzing.mutated(data, random)[:most])

    atheris.Setup([sys.argv[0], *arguments], fuzzing.TARGETS[target], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
