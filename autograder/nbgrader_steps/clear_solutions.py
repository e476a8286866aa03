"""nbgrader's ClearSolutions, except that a poll needs no stub: its variable is already there, waiting for a letter."""

from nbgrader.preprocessors import ClearSolutions

from autograder.units.marks import POLL_TAG


class ClearCourseSolutions(ClearSolutions):
    def preprocess_cell(self, cell, resources, cell_index):
        if POLL_TAG not in cell.metadata.get("tags", []):
            return super().preprocess_cell(cell, resources, cell_index)
        stubs, self.code_stub = self.code_stub, {"python": ""}
        try:
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
        finally:
            self.code_stub = stubs
        cell.source = cell.source.rstrip()
        return cell, resources
