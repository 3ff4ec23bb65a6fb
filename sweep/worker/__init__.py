"""What runs on the node: the attempt's folder, and the process that runs the train function.

The modules of this package import the standard library and `sweep.states` only, and are written for
Python 3.8 or later, because a node may offer nothing else.
"""
