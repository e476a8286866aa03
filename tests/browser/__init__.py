"""JupyterLab, Validate and formgrader in a real browser, on a temporary course.

desk.py lays that course out, server.py runs JupyterLab on it, watch.py hears what the browser says and asks for,
lab.py drives a notebook. Where there is no Chromium the tests are skipped.
"""
