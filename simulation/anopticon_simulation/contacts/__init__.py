"""Who was near whom, when and how near: read from files of real contacts, held as one kind of trace."""
