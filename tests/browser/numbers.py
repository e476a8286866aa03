"""A number as the demos write it."""


def number(value: float, digits: int = 2) -> str:
    """
    >>> number(-0.001), number(float("-inf"))
    ('0.00', '−∞')
    """
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
