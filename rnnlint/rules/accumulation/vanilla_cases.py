"""Right vanilla RNNs in three styles: what the cases of this family's rules plant their bugs in."""

COLUMNS = """\
import numpy as np

def forward(inputs, h_init, W, U, b):
    h = [h_init]
    for x in inputs:
        h.append(np.tanh(W @ h[-1] + U @ x + b))
    return h

def backward(inputs, dh_out, h, W, U, b):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    dh_next = np.zeros_like(h[-1])
    for t in reversed(range(len(inputs))):
        da = (dh_out[t] + dh_next) * (1 - h[t + 1] ** 2)
        dW += da @ h[t].T
        dU += da @ inputs[t].T
        db += da
        dh_next = W.T @ da
    return dW, dU, db
"""
BATCH_CLASS = """\
import numpy as np

class RNN:
    def forward(self, x, h0):
        self.x, self.h = x, [h0]
        for t in range(x.shape[1]):
            self.h.append(np.tanh(x[:, t].dot(self.Wx) + self.h[-1].dot(self.Wh) + self.b))
        return self.h

    def backward(self, dh):
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        self.db = np.zeros_like(self.b)
        carry = np.zeros_like(dh[:, 0])
        for t in reversed(range(dh.shape[1])):
            da = (dh[:, t] + carry) * (1 - self.h[t + 1] ** 2)
            self.dWx += self.x[:, t].T.dot(da)
            self.dWh += self.h[t].T.dot(da)
            self.db += da.sum(axis=0)
            carry = da.dot(self.Wh.T)
"""
DICT = """\
import numpy as np

def lossFun(inputs, dys, hprev, Wxh, Whh, bh):
    hs, grads = {-1: hprev}, {}
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(Wxh, inputs[t]) + np.dot(Whh, hs[t - 1]) + bh)
    grads["dWxh"], grads["dWhh"] = np.zeros_like(Wxh), np.zeros_like(Whh)
    grads["dbh"] = np.zeros_like(bh)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dh = dys[t] + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        grads["dWxh"] += np.dot(dhraw, inputs[t].T)
        grads["dWhh"] += np.dot(dhraw, hs[t - 1].T)
        grads["dbh"] += dhraw
        dhnext = np.dot(Whh.T, dhraw)
    return grads
"""
