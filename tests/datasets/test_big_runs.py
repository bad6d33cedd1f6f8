"""The big published runs."""

from __future__ import annotations

import numpy as np

import bayes_scaling as bs


def test_the_runs_have_the_published_sizes() -> None:
    runs = bs.published_runs()
    sizes = {
        str(run): (params, tokens)
        for run, params, tokens in zip(runs["run"], runs["params"], runs["tokens"], strict=True)
    }
    assert sizes == {
        "Chinchilla": (7e10, 1.4e12), "Gopher": (2.8e11, 3e11), "GPT-3": (1.75e11, 3e11),
        "Jurassic-1": (1.78e11, 3e11), "MT-NLG": (5.3e11, 2.7e11),
    }  # fmt: skip
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])
    assert "loss" not in runs
    assert all(source for source in runs["source"])
