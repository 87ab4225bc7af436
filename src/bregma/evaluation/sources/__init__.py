"""Any sources of labels against a reference: data set, report, readers, models."""
