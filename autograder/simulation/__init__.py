"""A class whose true grades are known.

simulate.py  its submissions, and what each must earn
main_job.py  build, simulate, grade and compare: what `make course` runs
"""
