"""A plan for the reader: documents, tables, files and pictures."""
