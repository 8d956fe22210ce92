"""Log analysis: templates, entities, severity, error families and what came first, from a stream of lines in bounded memory."""
