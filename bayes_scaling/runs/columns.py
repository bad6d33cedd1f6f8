"""The words for columns: canonical names with units, and the aliases that map to them.

A table may call its learning rate ``lr`` and its parameters ``N``; everything past the readers sees
one vocabulary. A name is looked up exactly first, then with case, spaces, dashes, dots and slashes
folded (one-letter names only exactly: ``D`` is tokens, ``d`` is nobody's business). What is not
known rides along under its own name.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["count", "positive", "nonnegative", "number", "fraction", "text"]
NUMBER_KINDS = frozenset({"count", "positive", "nonnegative", "number", "fraction"})


@dataclass(frozen=True, kw_only=True)
class Column:
    """One canonical column.

    Parameters
    ----------
    name : str
        The canonical name.
    unit : str
        What a value is measured in; "1" for a pure number, "" for text.
    kind : str
        "count" (a positive number of things, held as float64), "positive", "nonnegative",
        "number", "fraction" (0 to 1) or "text".
    about : str
        One line for a reader of the table.
    """

    name: str
    unit: str
    kind: Kind
    about: str


def _column(name: str, unit: str, kind: Kind, about: str) -> tuple[str, Column]:
    return name, Column(name=name, unit=unit, kind=kind, about=about)


COLUMNS: Mapping[str, Column] = MappingProxyType(
    dict(
        (
            _column("run", "", "text", "identifier of the training run"),
            _column(
                "family", "", "text", "the group that is pooled: corpus, architecture, optimizer"
            ),
            _column(
                "params", "parameters", "count", "parameters, all of them, embeddings included"
            ),
            _column(
                "params_nonembedding", "parameters", "count", "parameters without the embeddings"
            ),
            _column("params_active", "parameters", "count", "parameters used per token (experts)"),
            _column("tokens", "tokens", "count", "training tokens seen up to this row"),
            _column("flops", "FLOP", "count", "training compute up to this row, 6 N D"),
            _column(
                "loss", "nats per token", "positive", "cross-entropy on the text named by metric"
            ),
            _column("loss_shifted", "nats per token", "positive", "cross-entropy on another text"),
            _column("loss_limited", "nats per token", "positive", "loss with data to spare"),
            _column("score", "1", "fraction", "downstream quality between 0 and 1"),
            _column("error", "1", "fraction", "1 less the score, which is what score laws explain"),
            _column("chance", "1", "fraction", "score of guessing"),
            _column("items", "1", "count", "questions that a score was measured on"),
            _column(
                "learning_rate",
                "1",
                "positive",
                "peak learning rate, or the current one of a curve",
            ),
            _column("batch_size", "tokens", "count", "tokens per optimizer step"),
            _column(
                "weight_decay", "1", "nonnegative", "weight decay, which a step multiplies by lr"
            ),
            _column(
                "gradient_noise", "tokens", "positive", "measured noise scale, tr(Sigma) / |G|^2"
            ),
            _column("steps", "steps", "count", "optimizer steps taken up to this row"),
            _column("rate_area", "steps", "positive", "sum of the learning rates of all steps"),
            _column(
                "annealing_area", "1", "number", "share of the peak rate that was annealed away"
            ),
            _column("width", "1", "count", "size of the residual stream, d_model"),
            _column("depth", "layers", "count", "transformer layers"),
            _column("heads", "1", "count", "attention heads per layer"),
            _column("d_ff", "1", "count", "hidden size of the feed-forward block"),
            _column("context_length", "tokens", "count", "tokens per training sequence"),
            _column(
                "position", "tokens", "count", "position in the context that the loss is taken at"
            ),
            _column("experts", "1", "count", "experts per layer; 1 for a dense model"),
            _column("granularity", "1", "count", "width of a feed-forward block over an expert's"),
            _column(
                "unique_tokens", "tokens", "count", "distinct training tokens, before repetition"
            ),
            _column("finetune_tokens", "tokens", "nonnegative", "tokens of the fine-tuning text"),
            _column(
                "transferred_tokens", "tokens", "positive", "data that pre-training stands for"
            ),
            _column(
                "pretrained_on", "", "text", "the text read before fine-tuning; empty from scratch"
            ),
            _column(
                "pretrained", "1", "fraction", "1 for a fine-tuned run, 0 for one from scratch"
            ),
            _column("data_unit", "", "text", "what tokens count: tokens, characters, bytes"),
            _column("source", "", "text", "the text or study a row starts from"),
            _column("schedule", "", "text", "learning-rate schedule"),
            _column("optimizer", "", "text", "optimizer"),
            _column("corpus", "", "text", "training text"),
            _column("metric", "", "text", "what loss or score was measured on"),
            _column(
                "purpose",
                "",
                "text",
                "what a run was for; 'fixed-lr' and 'shape' are not tuned",
            ),
            _column("budget", "FLOP", "positive", "nominal compute of the row's isoFLOP line"),
            _column("seed", "1", "number", "random seed of the run"),
            _column("diverged", "1", "fraction", "1 for a run that diverged, which is set aside"),
        )
    )
)

SIZES = ("params", "tokens", "flops")

_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "run": "run_id run_name run_uuid",
        "family": "model_family",
        "params": "N n_params num_params parameters n_parameters num_parameters total_params "
        "params_total",
        "params_nonembedding": "params_nonemb params_non_embedding params_non_emb n_params_nonemb "
        "n_params_nonembedding n_params_non_embedding num_params_nonemb num_params_non_embedding "
        "non_embedding_params nonembedding_params non_emb_params nonemb_params N_nonemb "
        "non_embedding_parameters",
        "params_active": "active_params n_active_params num_active_params n_params_active "
        "activated_params active_parameters N_active",
        "tokens": "D n_tokens num_tokens train_tokens training_tokens n_train_tokens "
        "num_train_tokens total_tokens tokens_seen",
        "flops": "C compute flop n_flops num_flops train_flops training_flops total_flops "
        "train_compute training_compute",
        "loss": "L val_loss valid_loss validation_loss eval_loss test_loss heldout_loss final_loss",
        "learning_rate": "lr peak_lr max_lr peak_learning_rate max_learning_rate",
        "batch_size": "B batch_size_tokens batch_size_in_tokens batch_tokens tokens_per_batch "
        "tokens_per_step",
        "weight_decay": "wd adam_weight_decay adamw_weight_decay",
        "gradient_noise": "gradient_noise_scale grad_noise_scale noise_scale b_simple",
        "steps": "S step n_steps num_steps train_steps training_steps n_train_steps "
        "num_train_steps global_step iterations iters",
        "width": "d_model hidden_size n_embd embed_dim model_dim hidden_dim",
        "depth": "n_layer n_layers num_layers layers num_hidden_layers",
        "heads": "n_head n_heads num_heads num_attention_heads",
        "d_ff": "ffn d_ffn ffn_dim ff_dim ffn_size ffn_hidden_size intermediate_size n_inner",
        "context_length": "context seq_len seq_length sequence_length max_seq_len n_ctx block_size",
        "position": "token_position",
        "experts": "n_experts num_experts",
        "unique_tokens": "U_D n_unique_tokens num_unique_tokens",
        "finetune_tokens": "D_F fine_tune_tokens finetuning_tokens ft_tokens",
        "pretrained_on": "pretraining_corpus pretrain_corpus pretraining_text",
        "schedule": "lr_schedule lr_scheduler",
        "optimizer": "optim optimiser",
        "corpus": "dataset train_dataset training_data",
        "metric": "eval_metric",
        "items": "n_items num_items n_questions num_questions",
        "seed": "random_seed rng_seed",
        "diverged": "is_diverged has_diverged crashed",
    }
)
ALIASES: Mapping[str, str] = MappingProxyType(
    {alias: name for name, spellings in _SPELLINGS.items() for alias in spellings.split()}
)


def fold(name: str) -> str:
    """Return a name in lower case with runs of spaces, dashes, dots and slashes as one ``_``."""
    return re.sub(r"[\s\-./]+", "_", name.strip().removeprefix("#").strip()).lower()


_FOLDED: Mapping[str, str] = MappingProxyType(
    {fold(alias): name for alias, name in ALIASES.items() if len(alias) > 1}
    | {fold(name): name for name in COLUMNS}
)


_LOOSE_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "params": "total_parameters parameter parameter_count param_count params_count "
        "number_of_parameters number_of_params model_params model_size num_model_params "
        "trainable_params trainable_parameters n_trainable_params num_trainable_params",
        "tokens": "token tok toks tokens_trained trained_tokens tokens_total total_train_tokens "
        "total_training_tokens training_tokens_seen tokens_consumed consumed_tokens "
        "tokens_processed number_of_tokens token_count num_input_tokens_seen",
        "flops": "total_compute flops_total compute_flops train_flop total_train_flops "
        "total_training_flops total_flos total_flop training_flop",
        "learning_rate": "lr_peak lr_max learning_rate_peak learning_rate_max base_lr",
        "steps": "_step iter iteration num_iterations n_iterations num_iters n_iters train_iters "
        "total_steps optimizer_steps",
        "unique_tokens": "unique_train_tokens",
        "budget": "flops_budget flop_budget compute_budget budget_flops isoflop_budget",
    }
)
LOOSE: Mapping[str, str] = MappingProxyType(
    {
        fold(alias): name
        for name, spellings in _LOOSE_SPELLINGS.items()
        for alias in spellings.split()
    }
)
"""Spellings, folded, that mean a column where no other column does."""


def canonical_name(name: str) -> str | None:
    """Return the canonical column that a given name means, or None where it is unknown."""
    name = name.strip()
    if name in COLUMNS:
        return name
    return ALIASES.get(name) or _FOLDED.get(fold(name)) or LOOSE.get(fold(name))


def shown_in_formula(name: str) -> str:
    """Return a column as an expression names it: in backticks where it has other signs."""
    return name if name.isidentifier() and not iskeyword(name) else f"`{name}`"


def where_option(name: str, label: str, *, text: bool = True) -> str:
    """Return the option that keeps the rows of one label, or number, quoted for a shell."""
    mark = "" if not text else "'" if '"' in label else '"'
    return f"--where {shlex.quote(f'{shown_in_formula(name)} == {mark}{label}{mark}')}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest to a given one (aliases understood), or None."""
    known = list(known)
    meant = canonical_name(name)
    if meant in known:
        return meant
    folded = {fold(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(fold(name), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def unknown_keys(where: str, given: Any, known: Sequence[str]) -> list[str]:
    """Return a problem for every key of a table of a file that is not known."""
    if not isinstance(given, Mapping):
        return [f"{where} is a table"]
    found = []
    for name in given:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
            found.append(f"{where} has no {name!r}; {hint}")
    return found


def listed(names: Iterable[str], most: int = 30) -> str:
    """Return names in quotes for a message, the first of them where they are many."""
    names = [repr(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    if not more and 1 < len(names) <= 3:
        return ", ".join(names[:-1]) + " and " + names[-1]
    return ", ".join(names[:most]) + more
