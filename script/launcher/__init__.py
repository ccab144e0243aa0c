"""What the commands in script/ share: places, secrets, environment, PostgreSQL, supervisor. Standard library only."""
