"""Model FLOPs utilisation: how much of what a GPU can compute went into the model (Chowdhery et al. 2022, app. B).

A token costs 6 FLOPs a parameter that multiplies it (2 forward, 4 backward), and 12 n_layers d_model T in attention.
Peaks are NVIDIA's figures for dense bf16 (T4, V100: fp16) with float32 sums, from data sheets and architecture white
papers; a device that is not in the table has no utilisation, nor has a laptop's, which is slower than its name.
"""

from lecture_lib.models.config import Config

# Looked up by the first entry that the device's name contains, so the longer names come first.
PEAK_FLOPS = {
    "GB300": 2500e12,
    "B300": 2250e12,
    "GB200": 2500e12,
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "A40": 150e12,
    "A30": 165e12,
    "A10G": 70e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "T4": 65e12,
    "V100": 125e12,
    "RTX PRO 6000": 504e12,
    "RTX 6000 Ada": 364e12,
    "RTX 5090": 209.5e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}


def flops_per_token(config: Config, T: int) -> int:
    """FLOPs to train a decoder on one token of a text of T tokens.

    The embedding is a look-up and multiplies nothing, but a tied head is the same matrix and does.
    """
    looked_up = 0 if config.tied_head else config.vocab_size * config.d_model
    if config.positions == "learned":
        looked_up += config.block_size * config.d_model
    return 6 * (config.n_params - looked_up) + 12 * config.n_layers * config.d_model * T


def peak_flops(device_name: str) -> float | None:
    """FLOPs a second of a device by its name, or None where it is not known.

    >>> peak_flops("NVIDIA H100 80GB HBM3"), peak_flops("CPU, 2 threads")
    (989000000000000.0, None)
    """
    words = f" {device_name.replace('-', ' ')} "
    if " Laptop " in words:
        return None
    return next((peak for name, peak in PEAK_FLOPS.items() if f" {name} " in words), None)


def utilisation(tokens_per_s: float, config: Config, T: int, device_name: str) -> float | None:
    """Share of the peak, 0 to 1, of one device that trains so many tokens a second; None where the peak is unknown."""
    peak = peak_flops(device_name)
    return None if peak is None else tokens_per_s * flops_per_token(config, T) / peak
