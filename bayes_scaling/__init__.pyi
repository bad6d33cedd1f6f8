from .datasets import (
    list_datasets as list_datasets,
)
from .datasets import (
    load_dataset as load_dataset,
)
from .datasets import (
    published_runs as published_runs,
)
from .errors import (
    BayesScalingWarning as BayesScalingWarning,
)
from .errors import (
    InputError as InputError,
)
from .errors import (
    UnconvergedError as UnconvergedError,
)
from .laws import (
    Model as Model,
)
from .laws import (
    list_models as list_models,
)
from .laws import (
    load_model as load_model,
)
from .posterior import (
    Ensemble as Ensemble,
)
from .posterior import (
    Fit as Fit,
)
from .posterior import (
    fit as fit,
)
from .posterior import (
    fit_ensemble as fit_ensemble,
)
from .posterior import (
    load as load,
)
from .questions import (
    Allocation as Allocation,
)
from .questions import (
    Answer as Answer,
)
from .questions import (
    Device as Device,
)
from .questions import (
    Forecast as Forecast,
)
from .questions import (
    Limits as Limits,
)
from .questions import (
    Monitor as Monitor,
)
from .questions import (
    NextRuns as NextRuns,
)
from .questions import (
    OffLaw as OffLaw,
)
from .questions import (
    PriorPredictive as PriorPredictive,
)
from .questions import (
    PublishedLaw as PublishedLaw,
)
from .questions import (
    PublishedRates as PublishedRates,
)
from .questions import (
    Rig as Rig,
)
from .questions import (
    Risk as Risk,
)
from .questions import (
    Tuning as Tuning,
)
from .questions import (
    flops_of as flops_of,
)
from .questions import (
    kv_cache as kv_cache,
)
from .questions import (
    list_published as list_published,
)
from .questions import (
    off_law as off_law,
)
from .questions import (
    prior_predictive as prior_predictive,
)
from .questions import (
    published as published,
)
from .questions import (
    published_rates as published_rates,
)
from .questions import (
    tokens_of as tokens_of,
)
from .reports import (
    report as report,
)
from .runs import (
    RunTable as RunTable,
)
from .runs import (
    best_of_cells as best_of_cells,
)
from .runs import (
    read_runs as read_runs,
)
from .runs import (
    schedule_areas as schedule_areas,
)
from .runs import (
    select_rows as select_rows,
)
from .runs import (
    with_schedule_areas as with_schedule_areas,
)
from .validation import (
    Approaches as Approaches,
)
from .validation import (
    Backtest as Backtest,
)
from .validation import (
    Calibration as Calibration,
)
from .validation import (
    Comparison as Comparison,
)
from .validation import (
    approaches as approaches,
)
from .validation import (
    backtest as backtest,
)
from .validation import (
    calibrate as calibrate,
)
from .validation import (
    compare as compare,
)

__version__: str
__all__: list[str]
