"""The stacks: thin, one per area, handing constructs to each other."""
