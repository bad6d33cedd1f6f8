from .curve_plots import (
    plot_allocation as plot_allocation,
    plot_learning_rate as plot_learning_rate,
    plot_loss as plot_loss,
)
from .decision_plots import (
    chance_table as chance_table,
    plot_chance as plot_chance,
    plot_duel as plot_duel,
    plot_isoflop as plot_isoflop,
    plot_regret as plot_regret,
    plot_tune as plot_tune,
    tune_table as tune_table,
)
from .emergence_plot import plot_emergence as plot_emergence
from .posterior_plots import (
    plot_fit_check as plot_fit_check,
    plot_posterior as plot_posterior,
    plot_prior as plot_prior,
    plot_ranks as plot_ranks,
)
from .row_plots import (
    exponents_table as exponents_table,
    members_table as members_table,
    plot_compare as plot_compare,
    plot_exponents as plot_exponents,
    plot_members as plot_members,
)
from .run_plots import (
    next_runs_table as next_runs_table,
    plot_mistuned as plot_mistuned,
    plot_monitor as plot_monitor,
    plot_next_runs as plot_next_runs,
)
from .score_plot import plot_score as plot_score
from .shape_plot import plot_shapes as plot_shapes
from .shift_plot import plot_shift as plot_shift
from .transfer_plot import plot_transfer as plot_transfer
from .validation_plots import (
    plot_approaches as plot_approaches,
    plot_backtest as plot_backtest,
    plot_calibration as plot_calibration,
    plot_coverage as plot_coverage,
    plot_rolling as plot_rolling,
)
from .valley_map_plot import plot_valley_map as plot_valley_map
