"""Matching (信息对接): who fits where, as whole numbers over columns, without the ORM.

`columns` are the people who agreed to be asked and the openings (posts with free places); `signals` the conditions and
the signals of a pair; `scoring` adds them up and takes them apart again for the reader; `candidates` finds the best of
many without looking at all; `assignment` shares a day's or a week's openings out, optimally and with a proof.
"""
