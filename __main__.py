"""`python -m brickwork`."""

from brickwork.app.cli.main import main

if __name__ == "__main__":
    main()
