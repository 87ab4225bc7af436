"""What we have and what is known about it: scans, labels, masks and splits in a library folder.

A library is a folder and a database:

    library/
      library.json            what this folder is: format and id, the same id as in the database
      catalogue.sqlite        the database, unless another one was given by URL
      volumes/ab/<digest>.hu  Hounsfield units of one series, one compressed chunk per slice (store.py)
      masks/ab/<digest>.mask  what one source outlined in one series, one bit per finding
      incoming/               files being written; whatever lies here after a crash is swept at the next import
      import.lock             held shared by every import, alone by whoever sweeps

Files are named by a digest of their content and never by anything that a scan says about itself. A file is complete
before its row exists: it is written in `incoming`, flushed, renamed, its folder flushed, and then one transaction adds
the row. A file without a row is no part of the library; a row without its file cannot come about.
"""
