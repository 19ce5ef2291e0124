//! What the scheduler promises, checked by hand and against a brute-force oracle.
