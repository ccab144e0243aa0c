"""The people and activities by which the demonstration is tried: one sign-in per role, a day in every state."""
