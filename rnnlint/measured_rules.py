"""The rules that the gradient check speaks for, RNN9xx: nothing in the text alone makes such a finding."""

from __future__ import annotations

import inspect

from rnnlint.findings import Severity
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class MeasuredRule:
    """A code of the gradient check, with its page."""

    code: str
    name: str
    severity: Severity
    summary: str
    text: str

    @property
    def page(self) -> str:
        """The rule's page, Markdown, in the shape of the other rules' pages."""
        head = f"# {self.code} {self.name}\n\nSeverity: {self.severity}. Needs: a run."
        return f"{head}\n\n{self.summary}\n\n{inspect.cleandoc(self.text)}\n"


MEASURED = (
    MeasuredRule(
        "RNN901",
        "wrong-gradient",
        Severity.ERROR,
        "A gradient is not the derivative of the loss, and no other finding explains it.",
        """
        ## What it does
        Compares each gradient g of the backward pass with the true one ĝ: that of a correct cell under the
        same convention, and the central difference (L(W + h) − L(W − h)) / 2h of the program's own loss.
        The error is ‖g − ĝ‖ / max(‖g‖, ‖ĝ‖): 0 right, 1 no better than zeros, 2 reversed. Beyond 1e-6 it is
        wrong.

        ## Why it is wrong
        A step along g then does not go down the loss. With a small error the network may still learn,
        slowly, and stop early.

        ## What to do
        Look at the line named, and at every factor between the loss and this parameter. `--verbose` shows
        the cosine (1: right direction, wrong length) and a constant ratio where there is one.

        ## When it is right
        Where the gradient is meant to be another function's, of a loss with a penalty added later for
        instance.
        """,
    ),
    MeasuredRule(
        "RNN902",
        "nonstandard-forward",
        Severity.WARNING,
        "The forward pass is not the textbook cell.",
        """
        ## What it does
        Compares the forward pass with the standard cell under every known convention, and names what
        differs: a gate, an activation, an order. Of one that is nearly a standard cell it names the line:
        the first that is made of that cell's quantities and is none of them. Where a small edit of that line
        makes the forward pass the standard cell, and with it every gradient right, the backward pass was
        written for what was meant, and the edit is offered.

        ## Why it is wrong
        It may not be: coupled gates, peepholes and h = o ⊙ C are cells of their own. A sigmoid where a tanh
        was meant is not.

        ## What to do
        If it is meant, nothing: the gradients are judged by the program's own loss.

        ## When it is right
        Whenever the variant was chosen.
        """,
    ),
    MeasuredRule(
        "RNN903",
        "scaled-gradient",
        Severity.ADVICE,
        "All gradients are the true ones times one common factor.",
        """
        ## What it does
        Finds one factor that all parameters share: −1, the number of steps T, of examples B, of classes V.

        ## Why it is wrong
        The direction is right. The step is longer or shorter than the learning rate says, and changes with
        T, B or V.

        ## What to do
        Average both the loss and the gradient, or neither.

        ## When it is right
        Where the learning rate was tuned with it; with −1 where the update adds the gradient.
        """,
    ),
    MeasuredRule(
        "RNN904",
        "nondeterministic",
        Severity.ERROR,
        "Two equal runs give different gradients.",
        """
        ## What it does
        Runs the same pass twice, from a fresh start with equal random numbers, and compares.

        ## Why it is wrong
        The backward pass then differentiates another forward pass than the one that was run: a dropout mask
        drawn anew, memory that was never filled (`np.empty`), the time of day.

        ## What to do
        Keep in the cache what the forward pass drew; fill every buffer.

        ## When it is right
        For estimators that are random by design.
        """,
    ),
    MeasuredRule(
        "RNN905",
        "not-finite",
        Severity.ERROR,
        "A gradient is NaN or infinite on small, finite numbers.",
        """
        ## What it does
        Runs the pass on weights and inputs of size about 0.5 and looks for NaN and infinity.

        ## Why it is wrong
        One such number in one gradient makes every weight NaN after the next update.

        ## What to do
        Look for a division by something that may be 0, the log of a probability, an exp without its maximum
        taken off, and arrays that were never filled (`np.empty`).

        ## When it is right
        Never.
        """,
    ),
    MeasuredRule(
        "RNN906",
        "first-wrong-line",
        Severity.ERROR,
        "The first line whose inputs are all true and whose result is none of the true values.",
        """
        ## What it does
        Records the variables of the backward pass at each step and compares them with every true adjoint
        (dh_t, dC_t, the δ of each gate before and after its nonlinearity).

        ## Why it is wrong
        All that comes before the line is right, and what it makes is nothing that the derivation knows.

        ## What to do
        Compare the line with the equation of the adjoint it should make.

        ## When it is right
        Where the derivation is grouped in an unusual way and the gradients themselves are right; it is only
        said where they are wrong.
        """,
    ),
    MeasuredRule(
        "RNN907",
        "not-checked",
        Severity.ADVICE,
        "The gradient could not be checked. This does not mean that it is right.",
        """
        ## What it does
        Says why the passes of a file could not be run or judged: a helper that is defined nowhere, a shape
        that could not be solved, a pass that raises, one that never ends.

        ## Why it is wrong
        It says nothing about the gradient, neither that it is right nor that it is wrong.

        ## What to do
        What the report says under Do; then run again. `--require-check` makes it an exit status of 1.

        ## When it is right
        For files that hold no backward pass of a recurrent network.
        """,
    ),
    MeasuredRule(
        "RNN908",
        "second-call-differs",
        Severity.ERROR,
        "The second call of the same pass gives other gradients than the first.",
        """
        ## What it does
        Runs forward and backward twice in one program without a reset, and compares the two.

        ## Why it is wrong
        Something survives the call: a cache that only grows, a buffer that is not cleared. From the second
        training step on the gradient is of the wrong sequence.

        ## What to do
        Clear caches at the beginning of the forward pass, and gradients at the beginning of the backward
        pass.

        ## When it is right
        Where the difference is one fresh gradient exactly, gradients are added up by design: that is
        RNN309.
        """,
    ),
    MeasuredRule(
        "RNN909",
        "gradient-by-differences",
        Severity.WARNING,
        "The backward pass takes finite differences, or asks an autodiff library.",
        """
        ## What it does
        Notices that a backward pass calls its own forward pass with shifted weights, or a library that
        derives.

        ## Why it is wrong
        It is not a backward pass: with n parameters it costs n forward passes, and its error is that of the
        differences.

        ## What to do
        Keep it as a test of the backward pass, beside it.

        ## When it is right
        In a gradient checker.
        """,
    ),
    MeasuredRule(
        "RNN910",
        "gradient-of-another-loss",
        Severity.WARNING,
        "The gradients are right for another loss than the one that the code gives.",
        """
        ## What it does
        Where a pass gives a number under a loss's name, and its outputs beside it, compares the gradients
        with the derivatives of both: of that number, and of a standard loss of the outputs and the targets.
        It speaks where all gradients are the second one's, and not the first one's.

        ## Why it is wrong
        What is watched is not what is minimised: the number may rise while training goes well. With
        p = softmax(v), p − y is the gradient of −Σ y log p; that of ½ Σ (p − y)² is (p − y) times the
        softmax's own derivative.

        ## What to do
        Give the loss that the gradients belong to, or derive the gradients of the loss that is given; a
        penalty on the weights belongs into both.

        ## When it is right
        Where the number is only shown, or its penalty is differentiated where the weights are updated.
        """,
    ),
)
