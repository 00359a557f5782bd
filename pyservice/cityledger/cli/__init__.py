"""The command line. Each group of commands is a module with an ``app``; ``main.py`` lists them."""
