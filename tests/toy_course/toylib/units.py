UNITS = ("99_toy",)
