"""A folder of submissions that nobody trusts, graded: points, feedback, a grade book.

The way of the data: an assignment (:mod:`.assignment`) is solved once on the teacher's solution into a plan
(:mod:`.plan`): programs, arguments, and what is true of them. Each submission (:mod:`.submissions`) is run on
the plan in the sandbox and scored (:mod:`.scoring`); :mod:`.results` is what comes out.
"""
