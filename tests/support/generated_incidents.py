"""Many random incidents lived through and decided again: `python -m tests.support.generated_incidents [COUNT] [FIRST_SEED]`.

Exit code 1 at the first that is not identical and whole, with its seed; `lived(seed)` gives it again. About three a second.
"""

import json
import sys
from random import Random

from ops.reexecution.errors import NothingRecordedError
from ops.reexecution.rerun import rerun
from tests.support.recorded_run import lived

DEATHS = (0.0, 0.03, 0.3)


def main(count: int, first: int) -> int:
    """Run so many; tells how it goes on standard error, and the totals as JSON."""
    decisions, empty = 0, 0
    for seed in range(first, first + count):
        recording = lived(seed, deaths=Random(seed).choice(DEATHS)).recording()
        try:
            verdict = rerun(recording)
        except NothingRecordedError:
            empty += 1
            continue
        if not verdict.whole:
            sys.stdout.write(json.dumps({"seed": seed, **verdict.document()}) + "\n")
            return 1
        decisions += verdict.decisions
        if (seed - first) % 100 == 99:
            sys.stderr.write(f"{seed - first + 1} identical, {decisions:,} decisions\n")
    sys.stdout.write(
        json.dumps({"incidents": count, "identical": count - empty, "empty": empty, "decisions": decisions})
    )
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    arguments = [int(text) for text in sys.argv[1:]]
    raise SystemExit(main(*(arguments + [1_000, 0][len(arguments) :])))
