from .datasets import (
    list_datasets as list_datasets,
    load_dataset as load_dataset,
    published_runs as published_runs,
    published_shapes as published_shapes,
)
from .errors import (
    BayesScalingWarning as BayesScalingWarning,
    InputError as InputError,
    UnconvergedError as UnconvergedError,
)
from .facade import (
    Fit as Fit,
)
from .fitting import (
    duel as duel,
    ensemble_of as ensemble_of,
    fit as fit,
    fit_ensemble as fit_ensemble,
    load as load,
    off_law as off_law,
)
from .laws import (
    Model as Model,
    list_models as list_models,
    load_model as load_model,
)
from .papers import (
    PublishedLaw as PublishedLaw,
    list_published as list_published,
    published as published,
)
from .questions import (
    Allocation as Allocation,
    Answer as Answer,
    Device as Device,
    Duel as Duel,
    Forecast as Forecast,
    Layout as Layout,
    Limits as Limits,
    Monitor as Monitor,
    NextRuns as NextRuns,
    OffLaw as OffLaw,
    PassAtK as PassAtK,
    PriorPredictive as PriorPredictive,
    PublishedRates as PublishedRates,
    Rig as Rig,
    Risk as Risk,
    Serving as Serving,
    ShapeRanking as ShapeRanking,
    Surface as Surface,
    Transfer as Transfer,
    Tuning as Tuning,
    ValleyMap as ValleyMap,
    flops_of as flops_of,
    kv_cache as kv_cache,
    pass_at_k as pass_at_k,
    prior_predictive as prior_predictive,
    published_rates as published_rates,
    serving as serving,
    tokens_of as tokens_of,
)
from .reports import (
    report as report,
)
from .runs import (
    RunTable as RunTable,
    best_of_cells as best_of_cells,
    read_runs as read_runs,
    schedule_areas as schedule_areas,
    select_rows as select_rows,
    with_schedule_areas as with_schedule_areas,
)
from .scoring import (
    ScoreFit as ScoreFit,
    two_steps as two_steps,
)
from .validation import (
    Approaches as Approaches,
    Backtest as Backtest,
    Calibration as Calibration,
    Comparison as Comparison,
    approaches as approaches,
    backtest as backtest,
    calibrate as calibrate,
    compare as compare,
)

__version__: str
__all__: list[str]
