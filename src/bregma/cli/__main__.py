"""`python -m bregma.cli`: the program without its script."""

from bregma.cli import main

if __name__ == "__main__":
    main()
