"""`python3 -m deploy.setup [python] [tools] [system]`: does what is missing; silent when nothing is."""

import sys

# Before the import below, which an older Python may not even parse.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        f"Suture needs Python 3.11 or newer, this is {sys.version.split()[0]}: try `make PYTHON=python3.12`"
    )

from deploy.setup.main import main

sys.exit(main(sys.argv[1:]))
