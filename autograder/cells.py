"""How the two check cells of an exercise are named: the visible one and the sealed one."""

CHECK_PREFIX, SEALED_PREFIX = "check-", "sealed-"
