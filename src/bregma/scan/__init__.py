"""The nouns of a head scan: volumes, studies, labels, regions, terms and errors. numpy only."""
