"""Scenarios from a driver: the code in a project that runs forward and backward, cut down to one iteration.

A training script, a ``fit`` method or a test says in which order things are called and what is handed
over. One iteration of it, from the first forward statement to the last gradient, becomes a function of its
own on the lines on which it stands; the data, the sizes and the initial values are left out and become
holes, and the updates become records of the gradient that they apply.
"""

from rnnlint.gradients.driver.find import Driver, drivers_of
from rnnlint.gradients.driver.lift import Lifted, lift, lifted_drivers

__all__ = ["Driver", "Lifted", "drivers_of", "lift", "lifted_drivers"]
