"""What the commands in script/ share: places, secrets, the Python environment, PostgreSQL and the supervisor. Standard library only."""
