"""JSON Schemas of the documents that scripts read, one file a document and schema version."""
