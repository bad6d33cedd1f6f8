"""Compiled pieces of the density that are the same for every law: priors, noise, and their slopes.

`program.py` writes a law as a program; its text is joined to the text of this file, so that numba
compiles and caches both together. So this file knows of nothing but numba, numpy and math.

A vector of a sampler runs through *instructions* (`vector.py`) into values of parameters; each adds
to the log prior or computes a value from others. `forward` follows them, `backward` follows them in
reverse and turns slopes by values into slopes by the vector.
"""

import math

import numpy as np
from numba import njit

EXP, LOGISTIC, SOFTPLUS, LOG, ADD_PRODUCT, BLEND, RISE = range(7)
"""Instructions that compute a value. With o the place of the result, a, b, c the values that are
read, and k, w constants: o = exp(k a); 1 / (1 + exp(-a)); k log(1 + exp(a)); log(a); a + k b c;
k a + w b; a + exp(b), which adds the log slope of that to the prior."""

NORMAL, AROUND, HALF_NORMAL, EXPONENTIAL, GAMMA, BETA, STUDENT = range(7, 14)
"""Instructions that add the log density of the unbounded value a: normal of location k and scale w;
normal of location b and scale c; and those of distributions of w log(1 + exp(a)), of exp(a), of the
logistic of a, or of a itself, the log slope of that function included."""

inner = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
inlined = njit(error_model="numpy", no_cpython_wrapper=True, inline="always")
"""How functions are compiled that others of this text call: no more of each than they need."""

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
ROOT_HALF = math.sqrt(0.5)


@inner
def sigmoid(x):
    """Return the logistic function."""
    return 1.0 / (1.0 + math.exp(-x))


@inner
def logaddexp(x, y):
    """Return log(exp(x) + exp(y))."""
    if x == y:
        return x + math.log(2.0)
    if x > y:
        return x + math.log1p(math.exp(y - x))
    return y + math.log1p(math.exp(x - y))


@inner
def digamma(x):
    """Return the derivative of lgamma at a positive number: recurrence, then a series."""
    found = 0.0
    while x < 10.0:
        found -= 1.0 / x
        x += 1.0
    s = 1.0 / (x * x)
    series = s * (
        1.0 / 12
        - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * 691.0 / 32760))))
    )
    return found + math.log(x) - 0.5 / x - series


@inner
def log_ndtr(x):
    """Return the log of the standard normal distribution function."""
    if x > 0:
        return math.log1p(-0.5 * math.erfc(x * ROOT_HALF))
    if x > -35.0:
        return math.log(0.5 * math.erfc(-x * ROOT_HALF))
    s = 1.0 / (x * x)
    series = 1.0 - s * (1.0 - s * (3.0 - s * (15.0 - s * 105.0)))
    return -0.5 * x * x - math.log(-x) - HALF_LOG_2PI + math.log(series)


# ---- priors --------------------------------------------------------------------------------------


@inner
def forward(q, steps, constants, values):
    """Fill in the values (n_slots,) of a vector and return the log prior."""
    found = 0.0
    n = q.size
    for i in range(n):
        values[i] = q[i]
    values[n] = 0.0
    values[n + 1] = 1.0
    for i in range(steps.shape[0]):
        kind, o = steps[i, 0], steps[i, 1]
        a, b, c = values[steps[i, 2]], values[steps[i, 3]], values[steps[i, 4]]
        k, w, m = constants[i, 0], constants[i, 1], constants[i, 2]
        if kind == EXP:
            values[o] = math.exp(k * a)
        elif kind == LOGISTIC:
            values[o] = sigmoid(a)
        elif kind == SOFTPLUS:
            values[o] = k * logaddexp(0.0, a)
        elif kind == LOG:
            values[o] = math.log(a)
        elif kind == ADD_PRODUCT:
            values[o] = a + k * b * c
        elif kind == BLEND:
            values[o] = k * a + w * b
        elif kind == RISE:
            values[o] = a + math.exp(b)
            found += b
        elif kind == NORMAL:
            s = (a - k) / w
            found -= 0.5 * s * s + math.log(w) + HALF_LOG_2PI
        elif kind == AROUND:
            s = (a - b) / c
            found -= 0.5 * s * s + math.log(c) + HALF_LOG_2PI
        elif kind == HALF_NORMAL:
            s = w * logaddexp(0.0, a) / k
            norm = math.log(2.0) - math.log(k) - HALF_LOG_2PI + math.log(w)
            found += norm - 0.5 * s * s - logaddexp(0.0, -a)
        elif kind == EXPONENTIAL:
            found += math.log(k) - k * math.exp(a) + a
        elif kind == GAMMA:
            found += k * math.log(w) - math.lgamma(k) + k * a - w * math.exp(a)
        elif kind == BETA:
            norm = math.lgamma(k) + math.lgamma(w) - math.lgamma(k + w)
            found += -k * logaddexp(0.0, -a) - w * logaddexp(0.0, a) - norm
        else:
            s = (a - w) / m
            norm = math.lgamma(0.5 * (k + 1)) - math.lgamma(0.5 * k)
            norm -= 0.5 * math.log(k * math.pi) + math.log(m)
            found += norm - 0.5 * (k + 1) * math.log1p(s * s / k)
    return found


@inner
def backward(steps, constants, values, slopes, grad):
    """Turn slopes by values (n_slots,) into slopes by the vector, those of the prior included."""
    for i in range(steps.shape[0] - 1, -1, -1):
        kind, o = steps[i, 0], steps[i, 1]
        ia, ib, ic = steps[i, 2], steps[i, 3], steps[i, 4]
        a, b, c = values[ia], values[ib], values[ic]
        k, w, m = constants[i, 0], constants[i, 1], constants[i, 2]
        if kind == EXP:
            slopes[ia] += slopes[o] * k * values[o]
        elif kind == LOGISTIC:
            slopes[ia] += slopes[o] * values[o] * (1.0 - values[o])
        elif kind == SOFTPLUS:
            slopes[ia] += slopes[o] * k * sigmoid(a)
        elif kind == LOG:
            slopes[ia] += slopes[o] / a
        elif kind == ADD_PRODUCT:
            slopes[ia] += slopes[o]
            slopes[ib] += slopes[o] * k * c
            slopes[ic] += slopes[o] * k * b
        elif kind == BLEND:
            slopes[ia] += slopes[o] * k
            slopes[ib] += slopes[o] * w
        elif kind == RISE:
            slopes[ia] += slopes[o]
            slopes[ib] += slopes[o] * math.exp(b) + 1.0
        elif kind == NORMAL:
            slopes[ia] -= (a - k) / (w * w)
        elif kind == AROUND:
            s = (a - b) / c
            slopes[ia] -= s / c
            slopes[ib] += s / c
            slopes[ic] += (s * s - 1.0) / c
        elif kind == HALF_NORMAL:
            slopes[ia] += sigmoid(-a) - (w / k) ** 2 * logaddexp(0.0, a) * sigmoid(a)
        elif kind == EXPONENTIAL:
            slopes[ia] += 1.0 - k * math.exp(a)
        elif kind == GAMMA:
            slopes[ia] += k - w * math.exp(a)
        elif kind == BETA:
            slopes[ia] += k * sigmoid(-a) - w * sigmoid(a)
        else:
            s = (a - w) / m
            slopes[ia] -= (k + 1.0) * s / (m * (k + s * s))
    for i in range(grad.size):
        grad[i] = slopes[i]


# ---- noise ---------------------------------------------------------------------------------------
# Each adds the weighted log density of rows, their slopes by the mean (n_rows,), and those by the
# scales of the noise at their places in `slopes`. `first` (n_groups + 1,) tells which rows belong
# to each group; sigma, nu and the like are the places of these parameters by group.


@inner
def student_norm(nu):
    """Return the log norm of a Student-t of scale 1."""
    return math.lgamma(0.5 * (nu + 1)) - math.lgamma(0.5 * nu) - 0.5 * math.log(nu * math.pi)


@inner
def student_norm_slope(nu):
    """Return its derivative by the degrees of freedom."""
    return 0.5 * (digamma(0.5 * (nu + 1)) - digamma(0.5 * nu) - 1.0 / nu)


@inner
def normal_rows(y, mean, weight, first, values, slopes, at_mean, sigma):
    """Add rows of normal noise."""
    found = 0.0
    for g in range(first.size - 1):
        scale = values[sigma[g]]
        at_scale = 0.0
        for i in range(first[g], first[g + 1]):
            s = (y[i] - mean[i]) / scale
            found -= weight[i] * (0.5 * s * s + math.log(scale) + HALF_LOG_2PI)
            at_mean[i] = weight[i] * s / scale
            at_scale += weight[i] * (s * s - 1.0) / scale
        slopes[sigma[g]] += at_scale
    return found


@inner
def student_rows(y, mean, weight, first, values, slopes, at_mean, sigma, nu):
    """Add rows of Student-t noise."""
    found = 0.0
    for g in range(first.size - 1):
        scale, df = values[sigma[g]], values[nu[g]]
        norm, norm_slope = student_norm(df) - math.log(scale), student_norm_slope(df)
        at_scale, at_df = 0.0, 0.0
        for i in range(first[g], first[g + 1]):
            s = (y[i] - mean[i]) / scale
            u = s * s / df
            log_u = math.log1p(u)
            pull = (df + 1.0) * s / (df * (1.0 + u))
            found += weight[i] * (norm - 0.5 * (df + 1.0) * log_u)
            at_mean[i] = weight[i] * pull / scale
            at_scale += weight[i] * (pull * s - 1.0) / scale
            at_df += weight[i] * (norm_slope - 0.5 * log_u + 0.5 * pull * s / df)
        slopes[sigma[g]] += at_scale
        slopes[nu[g]] += at_df
    return found


STEP, NODES = 0.25, 65
"""Grid of `bayes_scaling.laws.noise`, on which the noise of rows is summed out."""


@inner
def counted_row(mean, scale, df, norm, norm_slope, wrong, right, nodes):
    """Return the log density of a row of few answers of a kind, and its slopes.

    They are by the mean, the scale and the degrees of freedom; df below zero: normal noise.
    `nodes` (NODES,) is overwritten.
    """
    most = -math.inf
    for k in range(NODES):
        z = STEP * (k - NODES // 2)
        odds = mean + scale * z
        away = -0.5 * z * z if df < 0 else -0.5 * (df + 1.0) * math.log1p(z * z / df)
        nodes[k] = away - wrong * logaddexp(0.0, -odds) - right * logaddexp(0.0, odds)
        most = max(most, nodes[k])
    whole, at_mean, at_scale, at_df = 0.0, 0.0, 0.0, 0.0
    for k in range(NODES):
        z = STEP * (k - NODES // 2)
        share = math.exp(nodes[k] - most)
        pull = share * (wrong - (wrong + right) * sigmoid(mean + scale * z))
        whole += share
        at_mean += pull
        at_scale += pull * z
        if df > 0:
            bend = (df + 1.0) * z * z / (df * (df + z * z))
            at_df += share * (norm_slope + 0.5 * (bend - math.log1p(z * z / df)))
    found = norm + most + math.log(STEP * whole)
    return found, at_mean / whole, at_scale / whole, at_df / whole


@inner
def item_rows(y, mean, weight, first, values, slopes, at_mean, sigma, nu, items):
    """Add rows of scores of questions; nu below zero: normal noise.

    Of each of `items` (4, n_rows) the first is a known part of the noise; the others tell of rows
    of few answers of a kind, and are nan elsewhere: wrong, right, and what their density adds.
    """
    found = 0.0
    nodes = np.empty(NODES)
    normal = nu[0] < 0
    for g in range(first.size - 1):
        scale = values[sigma[g]]
        df = 1.0 if normal else values[nu[g]]
        norm = -HALF_LOG_2PI if normal else student_norm(df)
        norm_slope = 0.0 if normal else student_norm_slope(df)
        at_scale, at_df = 0.0, 0.0
        for i in range(first[g], first[g + 1]):
            if math.isfinite(items[1, i]):
                own, by_mean, by_scale, by_df = counted_row(
                    mean[i], scale, -1.0 if normal else df, norm, norm_slope,
                    items[1, i], items[2, i], nodes,
                )  # fmt: skip
                found += weight[i] * (own + items[3, i])
                at_mean[i] = weight[i] * by_mean
                at_scale += weight[i] * by_scale
                at_df += weight[i] * by_df
                continue
            wide = math.sqrt(scale * scale + items[0, i] * items[0, i])
            s = (y[i] - mean[i]) / wide
            if normal:
                density, pull = norm - 0.5 * s * s, s
            else:
                log_u = math.log1p(s * s / df)
                density = norm - 0.5 * (df + 1.0) * log_u
                pull = (df + 1.0) * s / (df + s * s)
                at_df += weight[i] * (norm_slope - 0.5 * log_u + 0.5 * pull * s / df)
            found += weight[i] * (density - math.log(wide))
            at_mean[i] = weight[i] * pull / wide
            at_scale += weight[i] * (pull * s - 1.0) * scale / (wide * wide)
        slopes[sigma[g]] += at_scale
        if not normal:
            slopes[nu[g]] += at_df
    return found


@inner
def mistuned_rows(y, mean, weight, first, values, slopes, at_mean, sigma, nu, share, excess):
    """Add rows that lie on the law or above it by a half-Cauchy; nu below zero: normal noise."""
    found = 0.0
    for g in range(first.size - 1):
        scale = values[sigma[g]]
        normal = nu[0] < 0
        df = 1.0 if normal else values[nu[g]]
        p, wide = values[share[g]], values[excess[g]]
        norm = -HALF_LOG_2PI if normal else student_norm(df)
        norm_slope = 0.0 if normal else student_norm_slope(df)
        at_scale, at_df, at_p, at_wide = 0.0, 0.0, 0.0, 0.0
        for i in range(first[g], first[g + 1]):
            away = y[i] - mean[i]
            s = away / scale
            u = s * s / df
            log_u = math.log1p(u)
            if normal:
                on, pull, on_df = norm - 0.5 * s * s, s, 0.0
            else:
                on = norm - 0.5 * (df + 1.0) * log_u
                pull = (df + 1.0) * s / (df * (1.0 + u))
                on_df = norm_slope - 0.5 * log_u + 0.5 * pull * s / df
            on -= math.log(scale)
            t = away / wide
            below = log_ndtr(s)
            off = math.log(2.0 / math.pi) - math.log(wide) - math.log1p(t * t) + below
            hazard = math.exp(-0.5 * s * s - HALF_LOG_2PI - below)
            tail = 2.0 * t / (1.0 + t * t)
            first_term, second_term = math.log1p(-p) + on, math.log(p) + off
            density = logaddexp(first_term, second_term)
            found += weight[i] * density
            w_on = weight[i] * math.exp(first_term - density)
            w_off = weight[i] * math.exp(second_term - density)
            at_mean[i] = w_on * pull / scale + w_off * (tail / wide - hazard / scale)
            at_scale += (w_on * (pull * s - 1.0) - w_off * hazard * s) / scale
            at_df += w_on * on_df
            at_wide += w_off * (tail * t - 1.0) / wide
            at_p += w_off / p - w_on / (1.0 - p)
        slopes[sigma[g]] += at_scale
        if not normal:
            slopes[nu[g]] += at_df
        slopes[share[g]] += at_p
        slopes[excess[g]] += at_wide
    return found


NO_NU = np.array([-1])
"""In the place of the parameter of the degrees of freedom, where noise is normal."""


@inner
def run_rows(
    y, mean, weight, first, values, slopes, at_mean, sigma, nu, common, first_of_run, by_run
):
    """Add rows that share a deviation of scale `common` with those of their run.

    The rows of a run may be of several groups, as in pairs: scales are those of the first row.
    """
    found, g = 0.0, 0
    normal = nu[0] < 0
    for run in range(first_of_run.size - 1):
        low, high = first_of_run[run], first_of_run[run + 1]
        while by_run[low] >= first[g + 1]:
            g += 1
        while by_run[low] < first[g]:
            g -= 1
        scale, shared = values[sigma[g]], values[common[g]]
        df = 1.0 if normal else values[nu[g]]
        ratio = (shared / scale) ** 2
        size = float(high - low)
        squares, total, w = 0.0, 0.0, 0.0
        for place in range(low, high):
            i = by_run[place]
            s = (y[i] - mean[i]) / scale
            squares += s * s
            total += s
            w += weight[i] / size
        whole = 1.0 + size * ratio
        distance = squares - ratio / whole * total * total
        log_determinant = 2.0 * size * math.log(scale) + math.log(whole)
        if normal:
            density = -0.5 * (size * 2.0 * HALF_LOG_2PI + log_determinant + distance)
            at_distance = -0.5 * w
        else:
            density = (
                math.lgamma(0.5 * (df + size))
                - math.lgamma(0.5 * df)
                - 0.5 * (size * math.log(df * math.pi) + log_determinant)
                - 0.5 * (df + size) * math.log1p(distance / df)
            )
            at_distance = -0.5 * w * (df + size) / (df + distance)
            slopes[nu[g]] += w * (
                0.5 * (digamma(0.5 * (df + size)) - digamma(0.5 * df) - size / df)
                - 0.5 * math.log1p(distance / df)
                + 0.5 * (df + size) * distance / (df * (df + distance))
            )
        found += w * density
        at_scale = -w * size / scale
        for place in range(low, high):
            i = by_run[place]
            s = (y[i] - mean[i]) / scale
            at_s = at_distance * 2.0 * (s - ratio / whole * total)
            at_mean[i] = -at_s / scale
            at_scale -= at_s * s / scale
        at_ratio = -at_distance * total * total / (whole * whole) - 0.5 * w * size / whole
        slopes[sigma[g]] += at_scale - 2.0 * at_ratio * ratio / scale
        slopes[common[g]] += 2.0 * at_ratio * ratio / shared
    return found


@inner
def curve_rows(y, mean, weight, first, values, slopes, at_mean, sigma, nu, memory, before, gap):
    """Add rows that remember, over `gap` e-folds, the deviation of the row `before` them."""
    found = 0.0
    at_mean[:] = 0.0
    for g in range(first.size - 1):
        scale, length = values[sigma[g]], values[memory[g]]
        normal = nu[0] < 0
        df = 1.0 if normal else values[nu[g]]
        norm = -HALF_LOG_2PI if normal else student_norm(df)
        norm_slope = 0.0 if normal else student_norm_slope(df)
        at_scale, at_df, at_length = 0.0, 0.0, 0.0
        for i in range(first[g], first[g + 1]):
            s = (y[i] - mean[i]) / scale
            old = (y[before[i]] - mean[before[i]]) / scale
            kept = math.exp(-gap[i] / length)
            new = math.sqrt(1.0 - kept * kept)
            e = (s - kept * old) / new
            if normal:
                density, pull = norm - 0.5 * e * e, e
            else:
                log_u = math.log1p(e * e / df)
                density = norm - 0.5 * (df + 1.0) * log_u
                pull = (df + 1.0) * e / (df + e * e)
                at_df += weight[i] * (norm_slope - 0.5 * log_u + 0.5 * pull * e / df)
            found += weight[i] * (density - math.log(scale * new))
            at_s = -weight[i] * pull / new
            at_old = -at_s * kept
            at_kept = -at_s * old + at_s * e * kept / new + weight[i] * kept / (new * new)
            at_mean[i] -= at_s / scale
            at_mean[before[i]] -= at_old / scale
            at_scale -= (at_s * s + at_old * old + weight[i]) / scale
            at_length += at_kept * kept * gap[i] / (length * length)
        slopes[sigma[g]] += at_scale
        slopes[memory[g]] += at_length
        if not normal:
            slopes[nu[g]] += at_df
    return found


@inner
def collect(first, at_mean, row_slopes, low, high, totals):
    """Sum slopes by group: totals (n_groups, n_read) of what rows of one response read of it."""
    for g in range(first.size - 1):
        for j in range(low, high):
            totals[g, j] = 0.0
        for i in range(first[g], first[g + 1]):
            weight = at_mean[i]
            for j in range(low, high):
                totals[g, j] += weight * row_slopes[i, j]
