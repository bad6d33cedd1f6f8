from .approaches_plot import (
    plot_approaches as plot_approaches,
)
from .backtest_plots import (
    plot_backtest as plot_backtest,
)
from .compare_plots import (
    plot_compare as plot_compare,
)
from .curves import (
    loss_curve as loss_curve,
)
from .duel_plot import plot_duel as plot_duel
from .forest_plots import (
    exponents_table as exponents_table,
    members_table as members_table,
    plot_exponents as plot_exponents,
    plot_members as plot_members,
)
from .plots import (
    plot_allocation as plot_allocation,
    plot_learning_rate as plot_learning_rate,
    plot_loss as plot_loss,
)
from .posterior_plot import (
    plot_posterior as plot_posterior,
)
from .prior_plot import (
    plot_prior as plot_prior,
)
from .risk_plots import (
    chance_table as chance_table,
    plot_chance as plot_chance,
    plot_isoflop as plot_isoflop,
    plot_regret as plot_regret,
)
from .run_plots import (
    next_runs_table as next_runs_table,
    plot_mistuned as plot_mistuned,
    plot_monitor as plot_monitor,
    plot_next_runs as plot_next_runs,
)
from .score_plots import (
    plot_calibration as plot_calibration,
    plot_coverage as plot_coverage,
    plot_rolling as plot_rolling,
)
from .shape_plot import (
    plot_shapes as plot_shapes,
)
from .tune_plot import (
    plot_tune as plot_tune,
    tune_curves as tune_curves,
)
from .valley_map_plot import (
    plot_valley_map as plot_valley_map,
)
from .valleys import (
    isoflop_valleys as isoflop_valleys,
)
