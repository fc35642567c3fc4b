"""Which gradient belongs to which parameter."""

from __future__ import annotations

import numpy as np
import pytest

from rnnlint.gradients.pairing import Candidate, Named, Source, Way, pair, stem

VALUE = np.arange(6.0).reshape(2, 3)


def parameter(*words: str, indices: tuple[int, ...] = ()) -> Named:
    return Named(words[-1], (Way(words, indices),), (2, 3), VALUE)


def candidate(*words: str, source: Source = Source.RETURNED, indices: tuple[int, ...] = ()) -> Candidate:
    return Candidate(words, indices, np.full((2, 3), float(len(words))), source, ".".join(words))


@pytest.mark.parametrize(
    "name",
    ["dWf", "W_f_d", "d_wf", "dL_dWf", "dL_by_dW_f", "grad_Wf", "wf_grad", "Wf_diff", "del_Wf", "dLdWf"],
)
def test_every_spelling_of_a_gradient_has_its_parameters_stem(name: str) -> None:
    assert stem(name) == "wf"


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (("Wf",), ("dWf",)),
        (("parameters", "Wf"), ("gradients", "dWf")),
        (("weight_forget_gate",), ("grad_weight_forget_gate",)),
        (("recurrent_kernel",), ("r_kernel_grad",)),
        (("params", "w", "param"), ("params", "w", "dparam")),
        (("bias",), ("b_grad",)),
    ],
)
def test_names_that_belong_together(own: tuple[str, ...], theirs: tuple[str, ...]) -> None:
    assert pair([parameter(*own)], [candidate(*theirs)])


@pytest.mark.parametrize(("own", "theirs"), [("Wf", "dWi"), ("Wf", "Wf"), ("U", "dW"), ("W", "h")])
def test_names_that_do_not(own: str, theirs: str) -> None:
    assert not pair([parameter(own)], [candidate(theirs)])


def test_lists_go_by_position() -> None:
    found = pair(
        [
            Named("Wx", (Way(("params",), (0,)),), (2, 3), VALUE),
            Named("Wh", (Way(("params",), (1,)),), (2, 3), VALUE),
        ],
        [candidate("grads", indices=(0,)), candidate("grads", indices=(1,))],
    )
    assert {name: p.candidate.indices for name, p in found.items()} == {"Wx": (0,), "Wh": (1,)}


def test_a_returned_gradient_goes_before_a_local_one() -> None:
    found = pair([parameter("W")], [candidate("dW", source=Source.OUTER_LOCAL), candidate("dW")])
    assert found["W"].candidate.source is Source.RETURNED


def test_a_leading_axis_of_steps_is_summed() -> None:
    steps = Candidate(("dW",), (), np.ones((4, 2, 3)), Source.RETURNED, "dW")
    assert np.all(pair([parameter("W")], [steps])["W"].gradient == 4)


def test_another_shape_is_no_candidate() -> None:
    assert not pair([parameter("W")], [Candidate(("dW",), (), np.ones((3, 3)), Source.RETURNED, "dW")])
