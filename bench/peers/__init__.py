"""The same work by others, each as its documentation recommends.

A program is called with BOOTSTRAP GROUP TARGET FOLDER and runs until SIGTERM.

Read `alerts`, decode each, keep 100 a second of event time and incident in state that survives, forward what is kept, and commit
once a second. The Python ones run in an environment of their own (bench/requirements.lock) and import nothing of Breakwater.
"""
