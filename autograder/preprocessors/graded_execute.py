"""nbgrader's Execute, which leaves out demos and experiments that a student has not touched: nothing grades them."""

from nbgrader.preprocessors import Execute

from autograder.building.source import shown_only


class GradedExecute(Execute):
    def preprocess_cell(self, cell, resources, index):
        if cell.metadata.get("shown_only") == shown_only(cell.source):
            return cell, self.resources
        return super().preprocess_cell(cell, resources, index)
