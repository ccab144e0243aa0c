"""Spot checks by risk: the frame, the draw, the estimate. Pure but for `frame`; why so: docs/decisions/spot-checks.md."""
