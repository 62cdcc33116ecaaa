"""A world for the phones: contacts, radio, virtual time, and the truths that results are held against."""
