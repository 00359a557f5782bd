"""The SDK: ask a node, open what it releases on your own machine, and check every proof yourself."""
