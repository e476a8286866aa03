"""A course of one small unit, for tests of the build: a probe, a lesson, a bank, a fallback."""
