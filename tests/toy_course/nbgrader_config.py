from autograder.course import Course
from autograder.nbgrader_steps.settings import nbgrader_settings

c = get_config()  # noqa: F821
c.merge(nbgrader_settings(Course.here()))
