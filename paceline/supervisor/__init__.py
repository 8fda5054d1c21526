"""`paceline up`: every part of Paceline on one machine, started, watched and ended together.

In: a data folder and two ports. Out: a running stack. Guarantee: whatever ends this process ends
its children; whatever dies is started again or ends the whole with a reason.
"""
