"""The pipeline deal by deal: what a sum of levels cannot tell.

In: deals (entity key and entity) and the generation's meaning. Out: why the pipeline is another one
than last week, which deals can still be won, what a period will end at. Guarantee: pure, and at one
with the gauges: every amount here is one that ``kpi.gauges`` adds up.
"""
