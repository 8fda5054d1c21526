"""Targets: what a rep, a team or the organisation should reach, on which days, and why that much.

In: versions of targets, ramp plans, the calendar and the days at work. Out: the target in force for
any span of civil days, as exact fractions, with the reasons for its size. Guarantee: a target that
adds up is a line over days, so the parts of a span always sum to the whole.

`model` names the values, `distribution` spreads a target over its days, `versions` lets a later
version take over, `effective` answers for one subject, `ramp` and `staircase` for those who are
new, `cascade` compares levels, `suggest` proposes, `align` reports what does not fit.
"""
