"""DriverSlicer: a driver's source, read, each of its functions given a side, kernel or process, and both halves made.

A program in steps, each a module of its own:

* `source` finds the C files of a module and the flags that the kernel's build system gives them;
* `lowering` makes libclang's syntax tree of a file into the small language of `tree`, which `program` links and keeps;
* `values` follows functions that are used as values to the slots that they end up in, and gives the graph of calls;
* `plan` gives each function a side, and a path that says why, from what `knowledge` says of the kernel's slots, and
  `annotations` of the driver's;
* `fields` finds the fields that cross with each call;
* `interface` finds the calls that cross, with their arguments, and `contract` the places of their fields in objects;
* `cut` gives each half the text of the driver, `write` its tables, and `build` makes modules and programs of both.

Only the host needs this package. It knows nothing of injectors, monitors and experiments.
"""
