"""A linear map that reads its weights as fast for one token as for many.

A generated token costs one product of each weight matrix with one vector: nothing is computed twice, so the time is
that of reading the weights. For a product with one vector Intel's MKL, which torch computes with on most CPUs, takes
one thread; for few rows it takes the weights as the small factor of the two. With the factors exchanged, and a single
row written twice, it reads them near the speed of memory: 1.1 to 3.8 times faster in matrices of SmolLM2's sizes (torch
2.13, 2 cores); what it does for the whole model is in `make bench`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW = 4  # rows: with more, the plain product is as fast
LARGE = 1 << 17  # weights: with fewer, a single row is not worth writing twice


class Linear(nn.Linear):
    """nn.Linear, whose product is rounded otherwise where it is one of few rows and needs no gradient."""

    def forward(self, X: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        n_rows = X.numel() // self.in_features
        large = n_rows > 1 or self.in_features * self.out_features >= LARGE
        if not (large and 0 < n_rows <= FEW and _by_mkl(X)) or torch.is_grad_enabled():
            return F.linear(X, self.weight, self.bias)
        rows = X.reshape(n_rows, self.in_features)
        few = (torch.cat((rows, rows)) if n_rows == 1 else rows).T
        Y = torch.mm(self.weight, few) if self.bias is None else torch.addmm(self.bias[:, None], self.weight, few)
        return Y[:, :n_rows].T.reshape(*X.shape[:-1], self.out_features)


def _by_mkl(X: Tensor) -> bool:
    return X.dtype == torch.float32 and X.device.type == "cpu" and torch.backends.mkl.is_available()
