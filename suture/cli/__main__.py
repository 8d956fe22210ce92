"""`python -m suture.cli`: the command where no console script is installed."""

from suture.cli.main import main

main()
