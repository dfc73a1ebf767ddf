"""`python -m agent` is the command `mailbox-agent`."""

from agent.cli.main import main

if __name__ == "__main__":
    main()
