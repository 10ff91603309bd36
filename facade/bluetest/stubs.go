package bluetest

// Whoever writes one of these deletes it here; the last deletes the file.
