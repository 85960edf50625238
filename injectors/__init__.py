"""What goes wrong, one file per class of fault; each puts itself in and confirms it."""
