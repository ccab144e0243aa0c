"""How far an hour can be trusted: its evidence and class, the checks against fabrication, what they found and what became of it."""
