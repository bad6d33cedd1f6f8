# %% [markdown]
# # 9. What another text is worth
#
# **Question.** There is little of the text we care about, here Python, and plenty of another,
# English prose. Is it worth training on that first: how much Python does it replace, for which
# size of model, and may it hurt?

# %%
import bayes_scaling as bs
from settings import QUICK

runs = bs.load_dataset("nano-transfer")
runs.frame.pivot_table(index=["pretrained_on", "params"], columns="finetune_tokens", values="loss")

# %% [markdown]
# Each loss is that of the best stop, on Python that no run has seen. `coupled+finetune` says that
# what the first text taught counts as further data of the second: D_E = D_F + D_T with
# D_T = k D_F^alpha N^beta, in the place of D in the law of runs from scratch.

# %%
fit = bs.fit(runs, "coupled+finetune", **QUICK)
fit.summary().loc[
    ["alpha_T[nano-transfer/prose]", "alpha_T[nano-transfer/prose+web-code]", "beta_T", "ossified"]
]

# %%
DATA = [8192, 24576, 73728, 221184, 663552]
answer = fit.transfer(params=163_840, finetune_tokens=DATA, pretrain_tokens=16384 * 128)
answer

# %%
bs.plot.plot_transfer(answer)
# %% [markdown]
# Prose with code of another language is worth more than prose alone, as one would hope of the
# closer text. Did the law know that before it saw the largest model?

# %%
largest = runs["params"] == runs["params"].max()
small = bs.fit(runs.take(~largest), "coupled+finetune", **QUICK)
targets = runs.take(largest)
told = small.forecast(targets, probability=0.9).table
told.insert(0, "pretrained_on", targets["pretrained_on"])
told.insert(1, "measured", targets["loss"])
told["held"] = (told["measured"] > told["new_run_lower"]) & (
    told["measured"] < told["new_run_upper"]
)
told[["pretrained_on", "finetune_tokens", "measured", "new_run", "held"]]

# %% [markdown]
# On the smallest text every larger model memorises what it reads: were it trained to the end, its
# loss on new text would rise again (`loss_at_end` less the loss at the best stop). But up to that
# stop a pre-trained model still gains from its size, in the first table, where one from scratch
# gains nothing.

# %%
frame = runs.frame[runs["finetune_tokens"] == 8192]
frame.assign(overfitting=frame["loss_at_end"] - frame["loss"]).pivot_table(
    index="pretrained_on", columns="params", values="overfitting"
)

# %%
doubled = answer.table[["pretrained_on", "finetune_tokens"]].copy()
for name in ("gain_of_twice_params", "gain_of_twice_params_scratch"):
    doubled[name] = answer.table[name]
doubled

# %% [markdown]
# The constants of Hernandez et al. (2021) answer too, for models a thousand times larger and data
# in characters: there alpha is .18 and beta .38. Here alpha is near 1 and beta small, so that what
# was transferred is nearly a fixed multiple of the fine-tuning data, and ten times the parameters
# are worth little. The form carries over to these models; the constants do not.

# %%
bs.published("hernandez-2021-text").transfer(params=[1e8, 1e9], finetune_tokens=[1e6, 1e6])

# %% [markdown]
# **Decision.** With 8 kB of Python train on prose with code first: it counts as two and a half
# times the data and the loss is 16 % lower, though on compute alone more than a hundred such runs
# would have to share the first training. With 600 kB the loss is some 3 % lower, and neither
# chance of harm says that it was a mistake; if the first training were for this one model, more
# Python would be worth more.
