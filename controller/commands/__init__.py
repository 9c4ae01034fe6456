"""The commands of `dragoman`, a module a family. Each adds its parser to the command line's and runs what it names."""
