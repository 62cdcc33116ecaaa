"""What a reference run tells about devices and pairs: rates against nominal, offsets of transmitters and receivers."""
