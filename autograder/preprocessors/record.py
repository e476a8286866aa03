"""The name under which the judge leaves its findings in an output's metadata, for whoever reads grades later."""

RECORD = "language_models_course"
