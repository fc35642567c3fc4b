"""Which terms are a nonlinearity of something: a helper's, NumPy's, or one written out."""

from __future__ import annotations

from rnnlint.model.helpers import Computes, Contract
from rnnlint.model.terms import Op, Term

ACTIVATIONS = (Computes.SIGMOID, Computes.TANH, Computes.RELU)


def activation_of(term: Term) -> tuple[Computes, Term] | None:
    """φ and its argument where ``term`` is σ, tanh or relu of something; else None."""
    contract = term.data
    if term.op is Op.APPLY and isinstance(contract, Contract):
        return (contract.computes, term.args[0]) if contract.computes in ACTIVATIONS else None
    if term.op is Op.ELEMENTWISE and term.data == "tanh":
        return Computes.TANH, term.args[0]
    if term.op is Op.ELEMENTWISE and term.data == "special.expit":
        return Computes.SIGMOID, term.args[0]
    if term.op is Op.ELEMENTWISE and term.data == "maximum" and term.args[1].data in (0, 0.0):
        return Computes.RELU, term.args[0]
    match term.op, term.args:
        case Op.DIVIDE, (one, total) if one.data in (1, 1.0) and total.op is Op.ADD:
            for exponential in total.args:
                if exponential.op is Op.ELEMENTWISE and exponential.data == "exp":
                    exponent = exponential.args[0]
                    if exponent.op is Op.NEGATE and all(
                        e == exponential or e.data in (1, 1.0) for e in total.args
                    ):
                        return Computes.SIGMOID, exponent.args[0]
    return None
