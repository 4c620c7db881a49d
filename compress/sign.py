"""The sign of a number, −1 or 1, with a gradient to train by."""

import torch

__all__ = ["binary_sign"]


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return torch.where(values < 0, -1.0, 1.0).to(values.dtype)

    @staticmethod
    def backward(ctx, gradient):
        [values] = ctx.saved_tensors
        return gradient * (values.abs() <= 1)


def binary_sign(values: torch.Tensor) -> torch.Tensor:
    """−1 for values below 0, 1 for the others.

    The gradient passes where a value is at most 1 in magnitude (Rastegari et al., XNOR-Net, 2016,
    section 3.1, after Courbariaux et al., Binarized Neural Networks, 2016, section 1.3).
    """
    return _Sign.apply(values)
