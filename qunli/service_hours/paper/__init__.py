"""The certificate as a file: set by typst, signed by pyhanko, and read back when somebody hands one in."""
