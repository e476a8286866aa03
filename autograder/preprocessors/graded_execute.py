"""nbgrader's Execute, which leaves out demos and experiments that a student has not touched: nothing grades them."""

import os
from unittest import mock

from nbgrader.preprocessors import Execute

from autograder.building.source import shown_only
from lecture_lib.mywork import saved


class GradedExecute(Execute):
    """Nothing is saved or loaded for other units either: an exercise is graded on the library's version of the rest."""

    def preprocess(self, nb, resources, *args, **kwargs):
        with mock.patch.dict(os.environ, {saved.ENVIRONMENT: ""}):
            return super().preprocess(nb, resources, *args, **kwargs)

    def preprocess_cell(self, cell, resources, index):
        if cell.metadata.get("shown_only") == shown_only(cell.source):
            return cell, self.resources
        return super().preprocess_cell(cell, resources, index)
