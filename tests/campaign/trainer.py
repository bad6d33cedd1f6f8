"""A trainer that is a formula; it counts runs. Usage: trainer.py CONFIG RESULT [BROKEN ...]."""

from __future__ import annotations

import json
import sys
from pathlib import Path

config = json.loads(Path(sys.argv[1]).read_text())
result = Path(sys.argv[2])
with (result.parents[2] / "made.txt").open("a") as file:
    file.write(config["run"] + "\n")
if config["run"] in sys.argv[3:]:
    sys.exit("out of memory")
ripple = 1 + 0.004 * ((config["seed"] * 7919) % 13 - 6) / 6
loss = ripple * (1.69 + 406.4 / config["params"] ** 0.34 + 410.7 / config["tokens"] ** 0.28)
result.write_text(json.dumps({"loss": loss}))
