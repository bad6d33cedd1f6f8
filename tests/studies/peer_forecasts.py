"""What `simple-scaling-laws` says of the cases of `peers.py`; run where that package is installed.

PEER/bin/python tests/studies/peer_forecasts.py FOLDER
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

PACKAGE = "simple-scaling-laws"
LAWS = ("separable-power",)
"""Its default: the law that its documentation says to start with."""

SIZES = {"params": "model_size__n_params", "tokens": "dataset_size__n_tokens"}
"""Its names of the sizes."""

LOSS = "test_loss__loss"


def forecast(case: dict[str, Any], law: str) -> list[list[float]]:
    """Return quantiles of the loss of a new run (n_levels, n_targets)."""
    frames, package = import_module("polars"), import_module("simple_scaling_laws")
    fitted = case["fitted"]
    count = len(fitted["loss"])
    runs = frames.DataFrame(
        {"training_run_id": [str(row) for row in range(count)], "test_set_id": ["all"] * count}
        | {SIZES[name]: fitted[name] for name in case["asked"]}
        | {LOSS: fitted["loss"]}
    )
    asked = frames.DataFrame({SIZES[name]: values for name, values in case["asked"].items()})
    model = package.fit(runs, law=law, seed=0)
    said = model.predict(asked, kind="new-run", quantiles=case["levels"], seed=0)
    columns = [name for name in said.columns if name.startswith(f"{LOSS}__")]
    assert len(columns) == len(case["levels"])
    return [said[name].to_list() for name in columns]


def main(folder: Path) -> None:
    """Forecast every case that has not been."""
    warnings.simplefilter("ignore")
    for path in sorted(folder.glob("*.json"), key=lambda path: -path.stat().st_size):
        target = path.with_suffix(".said.json")
        if path.name.endswith(".said.json") or target.exists():
            continue
        case, found = json.loads(path.read_text(encoding="utf-8")), {}
        for law in LAWS:
            try:
                found[law] = forecast(case, law)
            except Exception as error:  # whatever it says, it forecasts nothing of this case
                print(f"{path.stem}, {law}: {type(error).__name__}: {error}", flush=True)
        said = {"package": PACKAGE, "version": metadata.version(PACKAGE), "quantiles": found}
        target.write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
