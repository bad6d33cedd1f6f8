# %% [markdown]
# # 6. When data run out
#
# **Question.** There are 3e7 tokens, and a budget whose best split would read twice as many.
# Train on fewer, repeat them, or get more? And how far do more parameters or more tokens get us
# at all?

# %%
import bayes_scaling as bs
from settings import QUICK

runs = bs.best_of_cells(bs.load_dataset("nano-lm"))
fit = bs.fit("coupled-drift", runs, **QUICK)
BUDGET, ON_HAND, TARGET = 1e15, 3e7, 0.8

# %%
advice = fit.advise(BUDGET, ON_HAND, target_loss=TARGET)
print(advice.verdict)
advice.table[["data", "params", "tokens", "new_run", "new_run_lower", "new_run_upper", "chance"]]

# %% [markdown]
# What would repeating buy? The law of Muennighoff et al. (2023) says how much a repeated token
# is worth; its published constants answer for text like theirs.

# %%
law = bs.published("muennighoff-2023")
unique = 1e11
for epochs in (1, 2, 4, 16, 64):
    seen = {"params": 1e10, "tokens": epochs * unique, "unique_tokens": unique}
    print(f"{epochs:3d} epochs of {unique:.0e} tokens: loss {float(law.loss(seen)):.3f}")

# %% [markdown]
# Up to about four epochs repeating is nearly as good as fresh data; after sixteen it buys
# little. In your own fit, `data-constrained` does the same with a posterior, from runs that
# repeat.
#
# Where does scaling one size alone stop to pay, and can a loss be reached at all with what we
# have?

# %%
fit.saturation(0.02, params=[1e6, 1e7]).table.T

# %%
fit.reach(TARGET, params=[3e6, 1e7]).table.T

# %% [markdown]
# **Decision.** The verdict above: with the data on hand the chance of the target is what the
# table says, and `needed` is how many tokens make it 90 % sure. If more cannot be had, repeat
# up to four times before training on fewer.
