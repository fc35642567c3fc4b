"""The numeric check: the user's own backward pass, run on tiny random numbers and compared with the truth.

One mechanism: a *scenario*, a short program in the user's namespace with typed holes, is run; the error is
read, sizes are solved, and it runs again; then its gradients are paired with its parameters and judged by the
reference cell and by central differences of the user's own loss.
"""

from rnnlint.gradients.prepare import prepare
from rnnlint.gradients.prepared import PreparedCheck

__all__ = ["PreparedCheck", "prepare"]
