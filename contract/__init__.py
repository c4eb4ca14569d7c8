"""What every part of Switchboard shares: names, types and tables. Standard library only."""
