"""One layer: attention, then feed-forward, each read from the residual stream and added back to it.

Pre-LN computes x + f(norm(x)): the stream itself is never normalised until the end. Post-LN, the original, computes
norm(x + f(x)) (Xiong et al. 2020 compare them).
"""

from collections.abc import Callable

from torch import Tensor, nn

from lecture_lib.models.attention import Attention, CrossAttention, Mask
from lecture_lib.models.cache import LayerCache
from lecture_lib.models.config import Config
from lecture_lib.models.feed_forward import FeedForward


def make_norm(config: Config) -> nn.Module:
    """LayerNorm or RMSNorm over the last d_model entries."""
    if config.norm == "rms":
        return nn.RMSNorm(config.d_model, eps=config.norm_eps)
    return nn.LayerNorm(config.d_model, eps=config.norm_eps, bias=config.bias)


class Block(nn.Module):
    """Self-attention, cross-attention if `cross`, feed-forward, in pre- or post-LN form."""

    def __init__(self, config: Config, cross: bool = False):
        super().__init__()
        self.pre = config.norm_place == "pre"
        self.attention_norm, self.attention = make_norm(config), Attention(config)
        if cross:
            self.cross_norm, self.cross_attention = make_norm(config), CrossAttention(config)
        self.feed_forward_norm, self.feed_forward = make_norm(config), FeedForward(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        X: Tensor,
        mask: Mask = None,
        rotation=None,
        cache: LayerCache | None = None,
        memory: Tensor | None = None,
        memory_mask: Mask = None,
    ) -> Tensor:
        """X (B, T, d_model), memory (B, S, d_model) where there is an encoder -> (B, T, d_model)."""
        X = self.add(X, self.attention_norm, lambda x: self.attention(x, mask, rotation, cache))
        if memory is not None:
            X = self.add(X, self.cross_norm, lambda x: self.cross_attention(x, memory, memory_mask))
        return self.add(X, self.feed_forward_norm, self.feed_forward)

    def add(self, X: Tensor, norm: nn.Module, layer: Callable[[Tensor], Tensor]) -> Tensor:
        """The residual connection around one layer."""
        Y = layer(norm(X)) if self.pre else layer(X)
        if self.training:
            Y = self.dropout(Y)
        return X + Y if self.pre else norm(X + Y)
