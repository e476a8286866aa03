"""JupyterLab, Validate and formgrader in a real browser, on a temporary course.

desk.py lays that course out, server.py runs JupyterLab on it, watch.py hears what the browser says and asks for,
lab.py drives a notebook; demo_page.py shows a demo without a front end, voila_server.py runs the gallery, hands.py
moves any demo, pictures.py takes their screenshots. Where there is no Chromium the tests are skipped.
"""
