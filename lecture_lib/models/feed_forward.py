"""The feed-forward layer: two linear layers with a nonlinearity between them, or SwiGLU (Shazeer 2020)."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from lecture_lib.models.config import Config
from lecture_lib.models.linear import Linear

ACTIVATIONS = {"gelu": F.gelu, "gelu-tanh": partial(F.gelu, approximate="tanh"), "relu": F.relu}


class FeedForward(nn.Module):
    """W_2 phi(W_1 x + b_1) + b_2; or, with SwiGLU, W_2 (silu(W_gate x) * W_up x), gate and up in one matrix."""

    def __init__(self, config: Config):
        super().__init__()
        self.gated = config.activation == "swiglu"
        self.activation = F.silu if self.gated else ACTIVATIONS[config.activation]
        self.up = Linear(config.d_model, config.d_ff * (1 + self.gated), bias=config.bias)
        self.down = Linear(config.d_ff, config.d_model, bias=config.bias)

    def forward(self, X: Tensor) -> Tensor:
        """(..., d_model) -> (..., d_model)."""
        H = self.up(X)
        if self.gated:
            gate, up = H.chunk(2, -1)
            return self.down(self.activation(gate) * up)
        return self.down(self.activation(H))
