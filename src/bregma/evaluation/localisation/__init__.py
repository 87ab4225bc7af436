"""Whether lesions were found where they lie: marks against lesions, FROC and localisation ROC."""
