"""What a name hints at. Every hint is a hypothesis: the numbers decide, never the name."""

from __future__ import annotations

import re
from enum import StrEnum


class Role(StrEnum):
    """What an argument may be for."""

    INPUT = "input"
    TARGET = "target"
    HIDDEN_STATE = "hidden state"
    CELL_STATE = "cell state"
    COTANGENT = "upstream gradient"
    WEIGHT = "weight"
    BIAS = "bias"
    BUNDLE = "parameters"
    CACHE = "cache"
    SIZE = "size"
    RATE = "learning rate"
    OBJECT = "object"
    FLAG = "flag"
    MASK = "mask"  # which steps of which sequences count
    LENGTHS = "lengths"  # how many steps each sequence has
    UNKNOWN = "unknown"


_RATE = re.compile(r"^(lr|l_rate|learning_?rate|alpha|eta|step_size|eps|epsilon|momentum|beta\d?|decay)$")
_TARGET = re.compile(
    r"^(y|ys|yt|y_?t|t|ts|y_?(true|train|batch|list|real|label|target)s?|targets?(_\w+)?|labels?|\w+_labels?"
    r"|true_\w+|gt|ground_?truth|expected|correct_labels|\w+_targets?|answers?|desired\w*|tags?|(sentiment|categor(y|ies)|gold|truth)s?)$"
)
_COTANGENT = re.compile(
    r"^(d(?!ata|im|epth|ropout|type|ecay|ebug|evice|ir|ict|o_|t$|erivative|elta_?t$)[a-z0-9_~]+|d_\w+|grad\w*|\w*_?grads?|"
    r"delta\w*|err(or)?s?|\w*_?errors?(_tensor)?|upstream\w*|top_diff\w*|\w*cotangent\w*|dl_?d\w+|dout\w*|in_grads?"
    r"|accum\w*grad\w*|loss_grad\w*|eps_\w+)$"
)
_HIDDEN = re.compile(
    r"^(h|a|s|hs|h_?s|ht|h_t|h_?p|h_?prev(ious)?\w*|hprev\w*|(prev|previous|last|init|initial|old)_?(h|a|s|hidden|state)\w*"
    r"|h_?0|a_?0|s_?0|x_?0|h_?1|ht_1|ht_?m1|h_?in|h_?init\w*|a_?prev\w*|s_?prev\w*|hidden(_?states?)?(_\w+)?|\w*hidden_?state\w*"
    r"|h_?(start|begin|first|initial|carry|zero)|state|states|initial_states?|init_states?|prev_\w*hidden\w*|h_?old|h_?last|h_?tm1|h_?t_?1|h_?pre)$"
)
_CELL = re.compile(
    r"^(c|cs|ct|c_t|c_?p|c_?prev(ious)?\w*|cprev\w*|(prev|previous|last|init|initial|old)_?(c|cell)\w*|c_?0|c_?1|ct_1|ct_?m1"
    r"|c_?(start|begin|first|initial|carry|zero)|c_?in|c_?init\w*|cell(_?states?)?(_\w+)?|\w*cell_?state\w*|prev_\w*cell\w*|c_?old|c_?last|c_?tm1|c_?t_?1|c_?pre)$"
)
_SIZE = re.compile(
    r"^(n|m|d|v|k|z|n_\w+|num_?\w+|\w*_?(size|sizes|dim|dims|units?|features?|channels?|nodes?|classes|neurons|len|length|ct"
    r"|cnt|count|width|steps|layers?|tokens)|[hdvktn]|vocab\w*|hidden_?(n|node)?|hid|batch\w*|time_?steps?|seq\w*|depth"
    r"|\w+_(in|out)|(in|out)put_\w+|t_x|t_?max|in_dim|max_\w+|embed\w*|dims?_?\w*|bptt_truncate)$"
)
_CERTAIN_SIZE = re.compile(
    r".*(sizes?|dim|dims|units|len|length|nodes?|_ct|features|neurons|channels?)$|^(n|num)_[a-z]+$"
)
_LAYER_COUNT = re.compile(
    r"^((n|nb|no|num|number|count)_?(of_?)?(\w+_)?(layers?|stacks?)|layers|layer_(count|num)|depth|n_?l)$"
)
_ROUND_COUNT = re.compile(
    r"^((n|nb|num|max|total|number)_?(of_?)?)?(epochs?|iters?|iterations?|rounds?|train_?steps)$"
)
_MARKED_COTANGENT = re.compile(r"^[gd][A-Z]\w*$")
"""``gY``, ``dOut``."""
_CERTAIN_COTANGENT = re.compile(
    r"^(d_(?!model$|in$|out$|h$|x$|k$|v$)\w+|grad\w*|delta_\w+|dl_?d\w+|d_?(h|c|a|s)_?(next|out|prev|t|n)?|top_diff\w*)$|.*_(errors?|err|grads?)$"
)
_BUNDLE = re.compile(
    r"^(p|ps|params?|parameters?|weights|theta|thetas|params_\w+|model|net|network|w_dict|wts)$"
)
_BIAS = re.compile(r"^(b|b_?\w{1,3}|b_\w+|bias\w*|\w+_bias|\w+_b|bias_\w+|[bB][a-z]{1,3})$")
_WEIGHT = re.compile(
    r"^([wuvr]|[wuvr]_?[a-z0-9~]{1,5}|\w*weights?\w*|\w*kernel\w*|w_\w+|u_\w+|wlstm\w*|\w+_w)$"
)
_CERTAIN_WEIGHT = re.compile(r"^(w|weights?|kernel)_\w+$")
_CACHE = re.compile(
    r"^(\w*caches?|memory|ctx|context|tape|history|saved|stored|fwd\w*|forward_\w+|\w*_?cache_\w+)$"
)
_INPUT = re.compile(
    r"^(x|xs|xt|x_?t|x_?(seq|batch|train|list|in|s|input\w*)|inputs?(_\w+)?|\w*_?inputs?|data|seq|sequence|sentence|embedded\w*"
    r"|tokens|chars|word\w*|sample|features|signal|series)$"
)


_LENGTHS = re.compile(r"^(\w*_)?(lens|lengths)$")
_MASK = re.compile(r"^(\w*_)?masks?(_\w+)?$")


def role_of(name: str) -> Role:
    """The first role that a parameter's name suggests."""
    lowered = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_")
    plain = name.strip("_")
    for pattern, role in (
        (_RATE, Role.RATE),
        (_CACHE, Role.CACHE),
        (_MASK, Role.MASK),
        (_LENGTHS, Role.LENGTHS),
        (_BUNDLE, Role.BUNDLE),
    ):
        if pattern.match(lowered):
            return role
    if plain in ("H", "D", "V", "K", "N", "T", "M", "B"):
        return Role.SIZE
    if plain in ("X", "Xs"):
        return Role.INPUT
    if plain in ("Y", "Ys"):
        return Role.TARGET
    if _MARKED_COTANGENT.match(plain):
        return Role.COTANGENT
    if plain[:1] in "WUR" and _WEIGHT.match(lowered):
        return Role.WEIGHT
    for pattern, role in (
        (_CERTAIN_SIZE, Role.SIZE),
        (_CERTAIN_COTANGENT, Role.COTANGENT),
        (_CERTAIN_WEIGHT, Role.WEIGHT),
        (_TARGET, Role.TARGET),
        (_HIDDEN, Role.HIDDEN_STATE),
        (_CELL, Role.CELL_STATE),
        (_BIAS, Role.BIAS),
        (_COTANGENT, Role.COTANGENT),
        (_INPUT, Role.INPUT),
        (_SIZE, Role.SIZE),
        (_WEIGHT, Role.WEIGHT),
    ):
        if pattern.match(lowered):
            return role
    return Role.UNKNOWN


def is_certain_size(name: str) -> bool:
    """Whether a name ends like a size: ``hidden_size``, ``n_units``."""
    return bool(_CERTAIN_SIZE.match(name.lower().strip("_")))


def size_axis(name: str) -> str | None:
    """Which data axis a size's name suggests ("T", "B"), or None where it must be solved."""
    lowered = name.lower().strip("_")
    if re.match(
        r"^(t|t_?x|t_?steps?|seq\w*|time\w*|n_?steps|num_?steps|\w*seq_?len\w*|sequence_\w+|steps|context_size"
        r"|bptt\w*|length|max_len\w*)$",
        lowered,
    ):
        return "T"
    if re.match(r"^(b|bs|m|n|batch\w*|n_?batch\w*|mini_?batch\w*|\w*batch_?size)$", lowered):
        return "B"
    return None


def is_layer_count(name: str) -> bool:
    """Whether a name says how many layers there are, not how wide one is: ``num_layers``, ``depth``."""
    return bool(_LAYER_COUNT.match(name.lower().strip("_")))


def is_round_count(name: str) -> bool:
    """Whether a name says how often training goes round: ``epochs``, ``n_iter``."""
    return bool(_ROUND_COUNT.match(name.lower().strip("_")))
