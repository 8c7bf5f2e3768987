"""The near side's media on its way out: cameras, microphones, films, voice processing, mute."""
