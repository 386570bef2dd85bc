"""When work is done: the clock that wakes, and the handler of what was woken."""
