"""Recurrent networks that are right: vanilla RNN, GRU and LSTM with their losses, in plain NumPy.

Each cell is one file with the same two functions, ``forward`` and ``backward``, and three records: its
parameters, the trace of a forward pass and the gradients of a backward pass. Nothing is hidden in the
records: every quantity of the equations and every adjoint stands there by its name, step by step.

Layout, everywhere: a sequence is an array ``(T, features, B)``, so that ``h[t]`` is a matrix whose columns
are the B sequences of the batch. Weights multiply from the left, ``W @ z``; biases are columns ``(H, 1)``.

Notation: ``dq`` is the adjoint of q, the derivative of the loss with respect to q. ``delta_k`` is the
adjoint of gate k's pre-activation ``a_k``.

All functions take any floating dtype, complex too: complex-step differentiation needs that.
"""
