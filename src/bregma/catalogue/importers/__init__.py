"""Data sets as their makers hand them out, brought into a library, labels and all.

    a data set        bhsd, cq500, ct_ich, instance2022, phe_sich, rsna2019, table: what its folder looks like, and
                      parts(folder), which turns it into parts; what only one of them needs has its name in front
    what they yield   part (scans with what is said of them), named (scans of formats without UIDs)
    what they share   dicom_studies, volume_files, masked_volumes, stored_order (files), plain_table (tables)
    the one door      run.import_data_set, with by_name (name -> importer) and data_set_report

To add a data set, write its file, its line in by_name and its section in docs/how-to/data-sets.md, which shows how.
"""
