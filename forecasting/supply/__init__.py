"""Production scenarios held against the record, and joined to the salvo model."""
