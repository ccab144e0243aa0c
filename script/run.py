"""Entry of all commands in script/: standard library only, because it runs before the environment exists."""

import sys

from launcher.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
