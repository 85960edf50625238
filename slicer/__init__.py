"""DriverSlicer: a driver's source, read, and each of its functions given a side: kernel or process.

A program in five steps, each a module of its own:

* `source` finds the C files of a module and the flags that the kernel's build system gives them;
* `lowering` makes libclang's syntax tree of a file into the small language of `tree`, which `program` links and keeps;
* `values` follows functions that are used as values to the slots that they end up in, and gives the graph of calls;
* `plan` gives each function a side, and a path that says why, from what `knowledge` says of the kernel's slots;
* `fields` finds the fields that cross with each call.

Only the host needs this package. It knows nothing of injectors, monitors and experiments.
"""
